"""Where the bytes of files are in the storage. No key contains anything that a client chose."""

from typing import Final
from uuid import UUID

ROOT: Final = "files/"
"""The prefix of every object of this context."""


def incoming_key(tenant: UUID, id: UUID) -> str:
    """Where a client writes by itself. Nothing is ever served from there."""
    return f"{ROOT}{tenant}/incoming/{id}"


def tenant_of(key: str) -> UUID | None:
    """Return the tenant that has the object; None for an object that is not of this context."""
    return UUID(key.split("/")[1]) if key.startswith(ROOT) else None


def is_incoming(key: str) -> bool:
    """Whether a client wrote the object by itself."""
    return key.split("/")[2:3] == ["incoming"]


def object_key(tenant: UUID, id: UUID) -> str:
    """Where bytes are that no client can write. `id` is new for each writer, so no two of them have the same key."""
    return f"{ROOT}{tenant}/objects/{id}"


def thumbnails_of(tenant: UUID, id: UUID) -> str:
    """The prefix of the thumbnails of a file."""
    return f"{ROOT}{tenant}/thumbnails/{id}/"


def thumbnail_key(tenant: UUID, id: UUID, side: int) -> str:
    """Where a thumbnail is whose longer side has at most `side` pixels."""
    return f"{thumbnails_of(tenant, id)}{side}"
