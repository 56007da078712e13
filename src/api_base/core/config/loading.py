"""Read the settings once, at start, and report all their problems together.

A message names the variable, the problem with its value, and what to write instead.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError, model_validator

from api_base.core.config.production import unsafe_in_production
from api_base.core.config.settings import Settings
from api_base.core.config.sources import is_secret, variables
from api_base.core.errors import ConfigurationError
from api_base.core.errors.validation_messages import MAX_QUOTED, validation_message
from api_base.core.shared.least_privilege import OPTIONAL, WITHHELD, Kind

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LIST: Final = 'must be a list: values separated by commas, or a JSON array such as ["a", "b"]'


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


def read_settings(kind: Kind | None = None) -> tuple[Settings, Problems]:
    """Read the environment and `.env`, without what a process of this `kind` must not have; invalid settings get their defaults.

    Raises `ConfigurationError` for an unreadable `.env`.
    """
    invalid: Sequence[str] = ()
    try:
        settings = Settings()
    except ValidationError as error:
        invalid = tuple(problems_of(error, Settings))
        settings = _without([details["loc"] for details in error.errors(include_input=False)])
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"The file .env cannot be read: {reason}.") from None
    optional = OPTIONAL[kind] if kind else ()
    unsafe = unsafe_in_production(settings, optional) if settings.environment == "production" else ()
    return _withheld(settings, WITHHELD[kind] if kind else ()), Problems(invalid, unsafe)


def _withheld(settings: Settings, variables: Collection[str]) -> Settings:
    """Return the settings with the defaults of `variables`, which `.env` may contain."""
    for variable in variables:
        name, _, field = variable.lower().partition("__")
        section: BaseModel = getattr(settings, name)
        default = type(section).model_fields[field].get_default(call_default_factory=True, validated_data={})
        settings = settings.model_copy(update={name: section.model_copy(update={field: default})})
    return settings


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


def problems_of(error: ValidationError, settings: type[BaseModel]) -> Iterator[str]:
    """Return a message for each error. It never contains a value that is or may hold a secret."""
    secret = {variable: is_secret(field.annotation) for variable, field in variables(settings)}
    return (_sentence(details, secret) for details in error.errors(include_url=False))


def _sentence(details: "ErrorDetails", secret: Mapping[str, bool]) -> str:
    variable = "__".join(part for part in details["loc"] if isinstance(part, str)).upper()
    if details["type"] == "extra_forbidden":
        return f"{variable}: is not a setting{_suggestion(variable, secret)}."
    message = _LIST if details["type"] == "tuple_type" else validation_message(details["type"], details.get("ctx", {}), details["msg"])
    return f"{variable}: {message}{'' if secret.get(variable, True) else _quoted(details['input'])}."


def _suggestion(variable: str, known: Iterable[str]) -> str:
    section, _, name = variable.rpartition("__")
    names = [one.removeprefix(f"{section}__") for one in known if one.startswith(f"{section}__")]
    close = get_close_matches(name, names, n=1)
    return f"; write {section}__{close[0]}" if close else "; docs/configuration.md lists all settings"


def _quoted(value: Any) -> str:
    """Return the value for the message; None if it is not the value of one variable, or may be a URL with a password."""
    if not isinstance(value, str) or ("://" in value and "@" in value):
        return ""
    return f", not {value[:MAX_QUOTED]!r}"
