"""Encode responses: DTOs by msgspec, times in RFC 3339 with `Z`, reduced to the fields in `?fields=`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from dataclasses import fields as dataclass_fields
from inspect import Signature
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin
from urllib.parse import unquote_plus

import msgspec

from api_base.application.common.listing import OffsetPage, Page
from api_base.core.errors import ApiBaseError, Invalid
from api_base.interface.errors.problem import pointer
from api_base.interface.routes.renaming import Wire, sent


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolAnswer:
    """A response in the form of another specification: `content` as JSON of `media_type` with this status, without a body if it is None.

    `content` may be JSON already, as `msgspec.Raw`.

    `error` is the reason of a refusal, for the audit trail; the client does not see it.
    """

    status: int
    content: Mapping[str, Any] | msgspec.Raw | None
    headers: Sequence[tuple[bytes, bytes]] = ()
    media_type: bytes = b"application/json"
    error: ApiBaseError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAnswer:
    """A response whose body is sent as it is read; None for no body. `headers` contain Content-Type, and Content-Length if it is known.

    `leave` is called when the client leaves, or when everything is sent: content that waits for events ends by it. `compressed`: as the client accepts it.
    """

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    content: AsyncIterator[bytes] | None
    leave: Callable[[object], None] | None = None
    compressed: bool = False


encode: Final = msgspec.json.Encoder(enc_hook=str).encode
"""JSON of a DTO. Types that msgspec does not know, such as asyncpg's subclass of `UUID`, become text."""


def encode_page(page: Page[Any]) -> bytes:
    """Return the JSON of a page, with its total if it was counted."""
    content = {"items": page.items, "next_cursor": page.next_cursor}
    return encode(content if page.total is None else content | {"total": page.total})


def encode_sparse(answer: Any, names: Sequence[str], shown: Mapping[str, str], wire: Wire | None = None) -> bytes:
    """Return a response, or each item of a page, with the fields `names` only: those of clients, which `shown` maps to those of the DTO."""
    own = [(name, shown[name]) for name in names]
    some: Any
    if isinstance(answer, Page | OffsetPage):
        some = replace(answer, items=[narrowed(item, own, wire) for item in answer.items])
        if wire is None and isinstance(some, Page):
            return encode_page(some)
    else:
        some = narrowed(answer, own, wire)
    return encode(some if wire is None else sent(some, wire))


def narrowed(answer: Any, names: Sequence[tuple[str, str]], wire: Wire | None) -> Mapping[str, Any]:
    """Return the fields `names` of a DTO: pairs of the name for clients and that of Python."""
    found = {name: getattr(answer, own) for name, own in names}
    return found if wire is None else {name: sent(value, wire) for name, value in found.items()}


def sparse_fields(query: bytes, shown: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the names in `?fields=`, or None without it. Raises `Invalid` for names that are not `shown`."""
    for part in query.split(b"&"):
        if part.startswith(b"fields="):
            names = tuple(dict.fromkeys(unquote_plus(part[7:].decode("latin-1")).split(",")))
            unknown = [name for name in names if name not in shown]
            if unknown:
                raise Invalid.of(
                    "/query/fields", "unknown_field", f"no such field: {', '.join(unknown)[:200]}; there are {', '.join(sorted(shown))}"
                )
            return names
    return None


def refuse_parameters(query: bytes, *, sparse: bool) -> None:
    """Raise `Invalid` for a query parameter that the route does not declare."""
    for part in query.split(b"&"):
        name = unquote_plus(part.partition(b"=")[0].decode("latin-1"), errors="replace")
        if name and not (sparse and name == "fields"):
            raise Invalid.of(
                pointer("query", name[:100]), "unknown_parameter", "is not known here" + (" (only fields is)" if sparse else "")
            )


def sends_json(answer: Any) -> bool:
    """Return whether a function that returns this type always answers with JSON: neither with nothing, nor with a media type of its own."""
    kinds = get_args(answer) if get_origin(answer) in (Union, UnionType) else (answer,)
    return not any(kind in (None, NoneType, Any, ProtocolAnswer, StreamAnswer, Signature.empty) for kind in kinds)


def field_names(answer: Any) -> Mapping[str, str]:
    """Return the field names of a DTO class, each by itself."""
    return {f.name: f.name for f in dataclass_fields(answer)} if is_dataclass(answer) else {}
