"""The request that is being answered."""

from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from mcp.server.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`client` is what the client calls itself; `writing` whether its token and the tenant's mode allow changes."""

    client: str
    revision: str
    connection: Connection
    writing: bool

    def declares(self, extension: str) -> bool:
        """Return whether the client declares the extension on this request."""
        capabilities = self.connection.client_capabilities
        return capabilities is not None and extension in (capabilities.extensions or {})


current_call: ContextVar[Call] = ContextVar("mcp_call")


def uuid_of(text: str) -> UUID | None:
    """The id that a client names in its canonical form; None for any other text."""
    try:
        id = UUID(text)
    except ValueError:
        return None
    return id if str(id) == text else None
