"""Reads the settings once, at start, and reports every problem of them together."""

from typing import Any

from pydantic import ValidationError, model_validator

from api_base.core.config.problems import problems_of
from api_base.core.config.production import unsafe_in_production
from api_base.core.config.settings import Settings
from api_base.core.errors import ConfigurationError


def load_settings() -> Settings:
    """Read the environment and `.env`. Raises `ConfigurationError` with every problem, one per line."""
    problems: list[str] = []
    try:
        settings = Settings()
    except ValidationError as error:
        problems += ["The configuration is not valid:", *(f"  {problem}" for problem in problems_of(error, Settings))]
        settings = _without([details["loc"] for details in error.errors(include_input=False)])
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"The file .env cannot be read: {reason}.") from None
    if settings.environment == "production" and (unsafe := unsafe_in_production(settings)):
        problems += ["ENVIRONMENT=production refuses this configuration:", *(f"  {problem}" for problem in unsafe)]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def _without(wrong: list[tuple[int | str, ...]]) -> Settings:
    """The settings with defaults for the wrong values, so that the checks of production run as well."""

    class Rest(Settings):
        @model_validator(mode="before")
        @classmethod
        def leave_out(cls, values: dict[str, Any]) -> dict[str, Any]:
            for location in wrong:
                _drop(values, location)
            return values

    return Rest()


def _drop(values: dict[str, Any], location: tuple[int | str, ...]) -> None:
    name, *deeper = location
    inner = values.get(str(name))
    if deeper and isinstance(inner, dict):
        _drop(inner, tuple(deeper))
    else:
        values.pop(str(name), None)
