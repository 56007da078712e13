"""What a context exposes to MCP clients: `Context(mcp=[Tool(...), McpResource(...)])`. What a message already declares is derived, not repeated."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from api_base.application.common.cqrs import Message
from api_base.application.common.listing import Fields
from api_base.core.shared.places import Declaration
from api_base.interface.v1.bodies import Body

_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Declaration):
    """A message as a tool. Its permission, arguments, result and annotations are those of the message.

    `description` tells a model when to use it. `body` is the HTTP body whose members are arguments too, and `fields` turns it into fields of the
    message. `listing` are the fields of a list whose message has a `request`, `searchable` whether it has a text search. `tenant` is the field
    of the message that takes the caller's tenant. `job` returns the id of the job that the result names: then clients may follow it as a task.
    """

    message: type[Message[Any]]
    description: str
    body: type[Body] | None = None
    fields: Callable[[Any], Mapping[str, Any]] | None = None
    listing: Fields | None = None
    searchable: bool = False
    tenant: str | None = None
    job: Callable[[Any], UUID] | None = None

    @property
    def name(self) -> str:
        """The name of the message in lower case, with underscores."""
        return _WORDS.sub("_", self.message.__name__).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceContent:
    """`content` is text, or bytes. `media_type` is that of the content."""

    media_type: str
    content: str | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(ResourceContent):
    """A text that every caller may read."""

    title: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class McpResource(Declaration):
    """The result of `message`, a query of one `id`, under `api-base://<path>/{id}`. `content` reads what is not shown as JSON."""

    path: str
    message: Callable[[UUID], Message[Any]]
    permission: str
    name: str
    description: str
    content: Callable[[Any], Awaitable[ResourceContent]] | None = None


type Exposed = Tool | McpResource
