"""Global ids [Relay, Global Object Identification]: opaque, and bound to a type."""

from typing import Final
from uuid import UUID

from api_base.core.errors import Invalid
from api_base.core.shared import base64url

MAX_LENGTH: Final = 200


def encode(name: str, id: UUID) -> str:
    """Return the global id of an object of the type `name`."""
    return base64url.encode(name.encode() + b":" + id.bytes)


def decode(text: str, argument: str) -> tuple[str, UUID]:
    """Return the name of the type, and the id. Raises `Invalid` for a text that is no global id."""
    try:
        if len(text) <= MAX_LENGTH:
            name, _, id = base64url.decode(text).partition(b":")
            return name.decode("ascii"), UUID(bytes=id)
    except ValueError:
        pass
    raise unknown(argument)


def unknown(argument: str) -> Invalid:
    """Return the error of a text that is no global id."""
    return Invalid.of(f"/path/{argument}", "id", "is not a global id: use an id that this schema returned")


def decode_as(name: str, text: str, argument: str) -> UUID:
    """Return the id of an object of the type `name`. Raises `Invalid` for an id of another type."""
    found, id = decode(text, argument)
    if found != name:
        shown = found if found.isidentifier() else "an unknown type"
        raise Invalid.of(f"/path/{argument}", "id", f"is an id of {shown}; an id of {name} is expected")
    return id
