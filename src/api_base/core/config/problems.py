"""Error messages for settings: the variable, the problem with its value, and what to write instead."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from api_base.core.config.fields import is_secret, variables
from api_base.core.errors.validation_messages import MAX_QUOTED, validation_message

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LIST: Final = 'must be a list: values separated by commas, or a JSON array such as ["a", "b"]'


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
