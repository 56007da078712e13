"""Request bodies, and the parameters of uploads and downloads."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from inspect import Parameter, Signature
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Header, Query
from pydantic import Field
from starlette.types import Scope

from api_base.core.errors import Invalid, StaleVersion
from api_base.interface.errors.http import RangeNotSatisfiable
from api_base.interface.errors.problem import pointer
from api_base.interface.routes.etags import matches, matches_strongly
from api_base.interface.routes.parameters import QueryResolver, header, query_pairs
from api_base.interface.routes.rendering import StreamAnswer
from api_base.interface.routes.streaming import BodyStream, StreamedBody
from api_base.interface.v1.bodies.base import Body

MAX_NAME: Final = 255
_RANGE: Final = re.compile(r"bytes=[ \t,]*(\d{0,18})-(\d{0,18})[ \t,]*", re.IGNORECASE | re.ASCII)
"""One range; elements of its list may be empty [RFC 9110, section 5.6.1.2]."""
FILE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "Four legs"}},
    }
}
Streamed = Annotated[BodyStream, Depends(StreamedBody())]


class PatchFileBody(Body):
    """A merge patch of a file."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["chair.png"])]


class TicketBody(Body):
    """What a client will send to the storage itself."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["chair.png"])]
    content_type: Annotated[str, Field(max_length=129, examples=["image/png"])] = ""
    size: Annotated[int, Field(ge=0, le=2**53, examples=[9])]
    sha256: Annotated[str, Field(min_length=64, max_length=64, examples=["0" * 64])]
    method: Literal["put", "post"] = "put"


class AttachmentBody(Body):
    """The file to attach."""

    file_id: Annotated[UUID, Field(strict=False)]


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """What the headers and the query say about a body."""

    name: str | None
    content_type: str


class FileParameters(QueryResolver):
    """The name in `?name=`, or in Content-Disposition [RFC 6266], and the content type."""

    __signature__ = Signature(
        [
            Parameter(
                "name",
                Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    str | None,
                    Query(max_length=MAX_NAME, description="Name of the file; else that in Content-Disposition.", examples=["chair.png"]),
                ],
            ),
            Parameter(
                "content_disposition",
                Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[str | None, Header(description="`attachment; filename=…` names the file [RFC 6266]")],
            ),
        ]
    )

    def resolve(self, scope: Scope) -> UploadedFile:
        """Raises `Invalid` for an unknown parameter."""
        name = None
        for key, value in query_pairs(scope["query_string"]):
            if key != "name" or name is not None:
                raise Invalid.of(pointer("query", key[:100]), "unknown_parameter", "is unknown or repeated: use name once")
            name = value
        if name is None and (disposition := header(scope, b"content-disposition")) is not None:
            name = disposition_name(disposition)
        return UploadedFile(name, header(scope, b"content-type") or "")

    def __call__(self, **parameters: object) -> None:
        """For FastAPI's documentation, by `__signature__`."""


def disposition_name(disposition: str) -> str | None:
    """Return the file name in Content-Disposition, by `filename*` if it is there [RFC 6266, section 4.3]."""
    message = Message()
    message["content-disposition"] = disposition
    try:
        parameters: list[tuple[str, Any]] = message.get_params([], header="content-disposition")
        names = [value for key, value in parameters if key.lower() == "filename"]
        extended = [value for value in names if isinstance(value, tuple)]
        return collapse_rfc2231_value((extended or names)[0]).strip() if names else None
    except (LookupError, TypeError, ValueError):  # an unknown charset, parameters that are continued wrongly
        return None


@dataclass(frozen=True, slots=True)
class ReadConditions:
    """Range, If-Range, If-Match and If-None-Match of a download."""

    range: str | None
    if_range: str | None
    if_match: str | None
    if_none_match: str | None

    def known(self, tag: str) -> bool:
        """Whether the client has this content, as it says. Raises `StaleVersion` if it asks for another one, `BadRequest`."""
        if self.if_match is not None and not matches_strongly(self.if_match, tag):
            raise StaleVersion("content", 0)
        return self.if_none_match is not None and matches(self.if_none_match, tag)

    def part(self, size: int, tag: str) -> tuple[int, int] | None:
        """Return the first byte and the one after the last; None for the whole, as for several ranges [RFC 9110, section 14.2].

        Raises `RangeNotSatisfiable` for a range outside.
        """
        found = None if self.range is None else _RANGE.fullmatch(self.range)
        if found is None or (self.if_range is not None and self.if_range != tag) or found[1] == found[2] == "":
            return None
        if found[1] == "":
            if size == 0 and int(found[2]) > 0:
                return None  # satisfiable, and there is no range of no bytes [RFC 9110, section 14.1.2]
            start, end = max(0, size - int(found[2])), size
        else:
            start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
            if found[2] and int(found[2]) < start:
                return None
        if start >= size or start >= end:
            raise RangeNotSatisfiable(size)
        return start, end


def download_answer(
    tag: str,
    size: int,
    conditions: ReadConditions,
    described: Sequence[tuple[bytes, bytes]],
    read: Callable[[int, int], AsyncIterator[bytes]],
) -> StreamAnswer:
    """Return the answer with a content of `size` bytes, with a range of it, or that the client has it. `tag` is in quotes.

    `described` are the header fields of the content; `read` yields it from a byte to before another.
    """
    common = [(b"etag", tag.encode()), (b"accept-ranges", b"bytes")]
    if conditions.known(tag):
        return StreamAnswer(status=304, headers=common, content=None)
    part = conditions.part(size, tag)
    start, end = part or (0, size)
    if part is not None:
        common.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size)))
    headers = [*common, *described, (b"content-length", b"%d" % (end - start))]
    return StreamAnswer(status=200 if part is None else 206, headers=headers, content=read(start, end))


class ReadConditionsResolver:
    """The headers."""

    def resolve(self, scope: Scope) -> ReadConditions:
        asked = header(scope, b"range") if scope["method"] == "GET" else None  # undefined for other methods [RFC 9110, section 14.2]
        return ReadConditions(asked, header(scope, b"if-range"), header(scope, b"if-match"), header(scope, b"if-none-match"))

    def __call__(
        self,
        range: Annotated[str | None, Header(description="One range of bytes, such as bytes=0-99 [RFC 9110, section 14.2]")] = None,
        if_range: Annotated[str | None, Header(description="Entity tag for which the range holds")] = None,
        if_none_match: Annotated[str | None, Header(description="Entity tags that the client has")] = None,
    ) -> None:
        """For the documentation."""


Conditions = Annotated[ReadConditions, Depends(ReadConditionsResolver())]
