"""Read the settings once, at start, and report all their problems together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError, model_validator

from api_base.core.config.problems import problems_of
from api_base.core.config.production import unsafe_in_production
from api_base.core.config.settings import Settings
from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Problems:
    """The problems of a configuration, one message each: invalid values, and values that production refuses."""

    invalid: Sequence[str] = ()
    unsafe: Sequence[str] = ()

    def __bool__(self) -> bool:
        """Return whether there is any problem."""
        return bool(self.invalid or self.unsafe)

    def raise_any(self) -> None:
        """Raise `ConfigurationError` with every problem, one per line; do nothing without a problem."""
        lines: list[str] = []
        if self.invalid:
            lines += ["The configuration is not valid:", *(f"  {problem}" for problem in self.invalid)]
        if self.unsafe:
            lines += ["ENVIRONMENT=production refuses this configuration:", *(f"  {problem}" for problem in self.unsafe)]
        if lines:
            raise ConfigurationError("\n".join(lines))


def load_settings() -> Settings:
    """Read the settings for a process that wires no contexts. Raises `ConfigurationError` with all their problems."""
    settings, problems = read_settings()
    problems.raise_any()
    return settings


def read_settings() -> tuple[Settings, Problems]:
    """Read the environment and `.env`; invalid settings get their defaults. Raises `ConfigurationError` for an unreadable `.env`."""
    invalid: Sequence[str] = ()
    try:
        settings = Settings()
    except ValidationError as error:
        invalid = tuple(problems_of(error, Settings))
        settings = _without([details["loc"] for details in error.errors(include_input=False)])
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"The file .env cannot be read: {reason}.") from None
    unsafe = unsafe_in_production(settings) if settings.environment == "production" else ()
    return settings, Problems(invalid, unsafe)


def _without(wrong: list[tuple[int | str, ...]]) -> Settings:
    """Return the settings with defaults for invalid values, so that the checks of production run as well."""

    class ValidSettings(Settings):
        @model_validator(mode="before")
        @classmethod
        def leave_out(cls, values: dict[str, Any]) -> dict[str, Any]:
            for location in wrong:
                _drop(values, location)
            return values

    return ValidSettings()


def _drop(values: dict[str, Any], location: tuple[int | str, ...]) -> None:
    name, *deeper = location
    inner = values.get(str(name))
    if deeper and isinstance(inner, dict):
        _drop(inner, tuple(deeper))
    else:
        values.pop(str(name), None)
