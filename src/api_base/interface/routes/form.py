"""The form of a route: fields and files that its function declares by `Form` and `File`, as application/x-www-form-urlencoded or multipart/form-data.

A form with a file is read while it arrives: its text is bounded by the limit of a body, its files by that of the route, and a file of over
`MAX_MEMORY_BYTES` waits on the disk. A route that takes more than another body has no limit of time, but one of speed (streaming.py).
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Final, cast

from fastapi import UploadFile
from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from api_base.core.errors import Invalid, Violation
from api_base.interface.errors.problem import pointer
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes import body as bodies
from api_base.interface.routes import multipart, values
from api_base.interface.routes.multipart import Multipart, Part
from api_base.interface.routes.parameters import header
from api_base.interface.routes.streaming import BodyStream
from api_base.interface.routes.values import Sent, Value

MAX_FIELDS: Final = 100
"""Fields and files of one form."""
MAX_MEMORY_BYTES: Final = 1_048_576
"""Bytes of a file that are held in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """`file`: a file, as `UploadFile`, or as its `content`."""

    value: Value
    file: bool
    content: bool


@dataclass(slots=True)
class ReadForm:
    """The values of a form by slot. Its files are open until `close`."""

    values: dict[str, Any] = field(default_factory=dict)
    files: list[UploadFile] = field(default_factory=list)

    async def close(self) -> None:
        """Close and delete the files."""
        for file in self.files:
            await file.close()


class Form:
    """Reads a form with `fields`. `limit` bounds its body, `text_limit` the text in it, in bytes."""

    def __init__(self, fields: Sequence[FormField], limit: int, text_limit: int) -> None:
        self._texts = [one.value for one in fields if not one.file]
        self._files = [one for one in fields if one.file]
        self._limit, self._text_limit, self._untimed = limit, min(limit, text_limit), limit > text_limit
        self._of_text, self._of_file = (frozenset(one.value.name for one in fields if one.file is file) for file in (False, True))
        self._media_types = (multipart.MEDIA_TYPE,) if self._files else (*bodies.FORM, multipart.MEDIA_TYPE)

    async def read(self, scope: Scope, receive: Receive) -> ReadForm:
        """Return the form.

        Raises `Invalid` with every violation, `MalformedBody`, `BodyTooLarge`, `UnsupportedMediaType`, and what `BodyStream` raises.
        """
        form, reading = ReadForm(), _Reading()
        try:
            if bodies.media_type(scope) == multipart.MEDIA_TYPE:
                boundary = multipart.boundary_of(header(scope, b"content-type") or "")
                stream = BodyStream.accepted(scope, receive, self._limit)
                if self._untimed:
                    http_exchange_of(scope).untimed()
                await self._read_parts(Multipart(boundary, stream), reading, form)
            else:
                raw = await bodies.read(scope, receive, self._text_limit, self._media_types)
                reading.texts = {name: list(sent) for name, sent in (await _pairs(raw)).items()}
            await self._read_values(reading, form)
        except BaseException:
            await form.close()
            raise
        return form

    async def _read_parts(self, parts: Multipart, reading: "_Reading", form: ReadForm) -> None:
        count, left = 0, self._text_limit
        while (part := await parts.next()) is not None:
            if (count := count + 1) > MAX_FIELDS:
                raise Invalid.of("/body", "too_many", f"has more than {MAX_FIELDS} fields")
            name, is_file = part.name, part.filename is not None
            if is_file and name in self._of_file:
                file = await _stored(part, parts, form)
                if file.size or part.filename:  # without both, a browser sends that no file was chosen
                    reading.files[name].append(file)
                continue
            text = bytearray()
            async for piece in parts.content():
                if not is_file and name in self._of_text:
                    text += piece
                if len(text) > left:
                    raise Invalid.of(pointer("body", name), "too_long", f"makes more than {self._text_limit} bytes of text in the form")
            left -= len(text)
            if is_file and name in self._of_text:
                reading.refuse(name, "text_expected", "must be text; a file was sent")
            elif name in self._of_file:
                reading.refuse(name, "file_expected", "must be a file, with a file name; text was sent")
            else:
                reading.texts.setdefault(name, []).append(bytes(text))

    async def _read_values(self, reading: "_Reading", form: ReadForm) -> None:
        violations = reading.violations
        violations += values.unknown(reading.texts, self._of_text | self._of_file, "body")
        refused = reading.refused
        for value in self._texts:
            sent = reading.texts.get(value.name, [])
            if not value.several:
                sent = [text for text in sent if text]  # a browser sends an empty field that was not filled in
            if value.name not in refused:
                form.values[value.slot] = value.read(sent, violations)
        for one in self._files:
            if one.value.name not in refused:
                form.values[one.value.slot] = await _file_value(one, reading.files.get(one.value.name, ()), violations)
        if violations:
            raise Invalid(violations)


@dataclass(slots=True)
class _Reading:
    """What was sent, by name, and what is wrong with it."""

    texts: dict[str, list[bytes]] = field(default_factory=dict)
    files: dict[str, list[UploadFile]] = field(default_factory=lambda: defaultdict(list))
    violations: list[Violation] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def refuse(self, name: str, code: str, message: str) -> None:
        if name not in self.refused:
            self.violations.append(Violation(pointer("body", name), code, message))
        self.refused.add(name)


async def _pairs(raw: bytes) -> Sent:
    if len(raw) <= bodies.MAX_INLINE_BYTES:
        return values.pairs(raw, MAX_FIELDS, "/body")
    return await asyncio.to_thread(values.pairs, raw, MAX_FIELDS, "/body")


async def _stored(part: Part, parts: Multipart, form: ReadForm) -> UploadFile:
    """Return the file of a part, at its beginning; `form` closes it."""
    content = cast("BinaryIO", SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES))  # noqa: SIM115 -- the form closes it
    media_type = (part.content_type or "application/octet-stream").encode()  # a client may send any characters in it
    file = UploadFile(content, size=0, filename=part.filename, headers=Headers(raw=[(b"content-type", media_type)]))
    form.files.append(file)
    async for piece in parts.content():
        await file.write(piece)
    await file.seek(0)
    return file


async def _file_value(one: FormField, sent: Sequence[UploadFile], violations: list[Violation]) -> Any:
    value = one.value
    if not value.counts(len(sent), violations):
        return value.default() if value.default is not None else None
    found = [await file.read() for file in sent] if one.content else list(sent)
    return value.validated(found if value.several else found[0], violations)
