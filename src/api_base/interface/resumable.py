"""The header fields of resumable uploads, by tus 1.0 and by the IETF draft, and the answers to refused requests."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Annotated, Any, Final

from fastapi import Header
from starlette.types import Scope

from api_base.application.services.file_upload.append import ALGORITHMS, Checksum, Content
from api_base.application.services.file_upload.begin import UNNAMED
from api_base.application.services.file_upload.dtos import UploadDTO, UploadLimitsDTO
from api_base.core.errors import ApiBaseError, ChecksumMismatch
from api_base.core.types import current_context
from api_base.domain.files.errors import LengthMismatch, OffsetMismatch, UploadComplete, UploadLocked
from api_base.interface.errors.handlers import problem_of
from api_base.interface.errors.http import BadRequest, UnsupportedMediaType
from api_base.interface.errors.problem import MEDIA_TYPE
from api_base.interface.errors.translation import language_header
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.public_url import public_prefix
from api_base.interface.routes.body import media_type
from api_base.interface.routes.parameters import header, repeated_query
from api_base.interface.routes.rendering import ProtocolAnswer
from api_base.interface.v1.bodies.files import disposition_name

type Fields = Sequence[tuple[bytes, bytes]]

TUS_VERSION: Final = "1.0.0"
TUS_TYPE: Final = "application/offset+octet-stream"
PARTIAL_TYPE: Final = "application/partial-upload"
PARTIAL_SINCE: Final = 6
"""The interop version from which on an append has a media type of its own."""
MAX_METADATA: Final = 8_192
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_METADATA: Final = re.compile(r"[!-+\--~]+( [A-Za-z0-9+/]*={0,2})?")


class WrongVersion(BadRequest):
    """The client speaks another version of tus."""


class WrongAlgorithm(BadRequest):
    """The checksum is of an unknown kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableRequest:
    """What a request says. Locations are below `path`, with the query `repeated`. `complete` is True if the content ends with its body; None by tus, where the length decides.

    `error` is why its header fields are refused. Lengths and offsets are in bytes.
    """

    tus: bool
    path: str = ""
    repeated: str = ""
    interop: int | None = None
    tus_version: str | None = None
    offset: int | None = None
    length: int | None = None
    deferred: bool = False
    complete: bool | None = None
    media_type: str = ""
    name: str = UNNAMED
    content_type: str = ""
    metadata: str = ""
    checksum: Checksum | None = None
    error: ApiBaseError | None = None

    def check(self) -> None:
        """Raises the error of the header fields."""
        if self.error is not None:
            raise self.error
        if self.tus and self.tus_version != TUS_VERSION:
            raise WrongVersion(f"This server speaks tus {TUS_VERSION}: send Tus-Resumable: {TUS_VERSION}.")

    @property
    def echo(self) -> Fields:
        """The fields of every response."""
        if self.tus:
            return [(b"tus-resumable", TUS_VERSION.encode())]
        return [] if self.interop is None else [(b"upload-draft-interop-version", b"%d" % self.interop)]

    def length_of(self, content: Content) -> int | None:
        """The length of a new upload. Raises `BadRequest` if it is neither said nor deferred."""
        if not self.tus:
            if self.complete is None:
                raise BadRequest("Send Tus-Resumable: 1.0.0, or Upload-Complete: ?1 with the last bytes of the content and ?0 before.")
            return content.size if self.complete and self.length is None else self.length
        if (self.length is None) is not self.deferred:
            raise BadRequest("Send either Upload-Length, or Upload-Defer-Length: 1.")
        return self.length

    def carries(self, content: Content) -> bool:
        """Whether the request that begins an upload has a body, or completes it without one. Raises `UnsupportedMediaType`."""
        if self.tus and content.size != 0 and self.media_type != TUS_TYPE:
            raise UnsupportedMediaType(f"Send the bytes with the content type {TUS_TYPE}.")
        return content.size != 0 or self.complete is True or (self.tus and self.length == 0)

    def require_append(self) -> int:
        """Return the offset of an append. Raises `BadRequest`, `UnsupportedMediaType`."""
        wanted = TUS_TYPE if self.tus else PARTIAL_TYPE
        if self.media_type != wanted and (self.tus or self.interop is None or self.interop >= PARTIAL_SINCE):
            raise UnsupportedMediaType(f"Send the bytes with the content type {wanted}.")
        if self.offset is None or (not self.tus and self.complete is None):
            raise BadRequest(
                "Send Upload-Offset, and Upload-Complete: ?1 with the last bytes, ?0 before." if not self.tus else "Send Upload-Offset."
            )
        return self.offset


class ResumableHeaders:
    """The header fields. A request without `Tus-Resumable` speaks the IETF draft."""

    def resolve(self, scope: Scope) -> ResumableRequest:
        version, interop = header(scope, b"tus-resumable"), header(scope, b"upload-draft-interop-version")
        number = int(interop) if interop is not None and _NUMBER.fullmatch(interop) else None
        tus = version is not None
        try:
            metadata = header(scope, b"upload-metadata") or ""
            named = _metadata(metadata)
            disposition = header(scope, b"content-disposition")
            name = named.get("filename") or named.get("name") or (None if disposition is None else disposition_name(disposition))
            return ResumableRequest(
                tus=tus,
                path=http_exchange_of(scope).context.path,
                repeated=repeated_query(scope),
                interop=number,
                tus_version=version,
                offset=_number(scope, b"upload-offset"),
                length=_number(scope, b"upload-length"),
                deferred=header(scope, b"upload-defer-length") == "1",
                complete=_boolean(scope, b"upload-complete"),
                media_type=media_type(scope),
                name=name or UNNAMED,
                content_type=named.get("filetype") or named.get("type") or ("" if tus else _own_type(scope)),
                metadata=metadata,
                checksum=_checksum(header(scope, b"upload-checksum")),
            )
        except ApiBaseError as error:
            return ResumableRequest(tus=tus, interop=number, tus_version=version, error=error)

    def __call__(
        self,
        tus_resumable: Annotated[str | None, Header(pattern=r"^1\.0\.0$", description="1.0.0, by tus")] = None,
        upload_offset: Annotated[int | None, Header(ge=0, description="Bytes that were received")] = None,
        upload_length: Annotated[int | None, Header(ge=0, description="Bytes of the whole")] = None,
        upload_complete: Annotated[str | None, Header(pattern=r"^\?[01]$", description="?1 with the last bytes, by the IETF draft")] = None,
    ) -> None:
        """For the documentation."""


def _own_type(scope: Scope) -> str:
    found = media_type(scope)
    return "" if found == PARTIAL_TYPE else found


def _number(scope: Scope, name: bytes) -> int | None:
    text = header(scope, name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadRequest(f"{name.decode()} must be a number of bytes.")
    return int(text)


def _boolean(scope: Scope, name: bytes) -> bool | None:
    text = header(scope, name)
    if text not in (None, "?0", "?1"):
        raise BadRequest(f"{name.decode()} must be ?0 or ?1 [RFC 9651, section 3.3.6].")
    return None if text is None else text == "?1"


def _metadata(text: str) -> dict[str, str]:
    """Return the pairs of Upload-Metadata [tus 1.0, creation]."""
    if len(text) > MAX_METADATA:
        raise BadRequest(f"Upload-Metadata may have at most {MAX_METADATA} characters.")
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        if not _METADATA.fullmatch(pair):
            raise BadRequest("Upload-Metadata must be pairs of a key and a value in Base64, separated by commas.")
        key, _, value = pair.partition(" ")
        try:
            found[key] = b64decode(value, validate=True).decode()
        except (Error, UnicodeDecodeError):
            if key in ("filename", "name", "filetype", "type"):
                raise BadRequest(f"Upload-Metadata: {key} must be text in UTF-8, encoded in Base64.") from None
    return found


def _checksum(text: str | None) -> Checksum | None:
    if text is None:
        return None
    algorithm, _, digest = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise WrongAlgorithm(f"The algorithm of Upload-Checksum must be one of {', '.join(ALGORITHMS)}.")
    try:
        return Checksum(algorithm=algorithm, digest=b64decode(digest, validate=True))
    except ValueError:  # `Error`, or text that is not ASCII
        raise BadRequest("Upload-Checksum must be an algorithm and a digest in Base64.") from None


def upload_limit(limits: UploadLimitsDTO) -> bytes:
    """Return the value of Upload-Limit."""
    return b"max-size=%d, max-age=%d" % (limits.max_bytes, limits.lifetime_seconds)


def headers_of(said: ResumableRequest, upload: UploadDTO, limits: UploadLimitsDTO, *, whole: bool) -> Fields:
    """Return the fields that say how far an upload is. `whole`: all of them, as the answer to HEAD."""
    found = [*said.echo, (b"upload-offset", b"%d" % upload.offset)]
    if not said.tus:
        found += [(b"upload-complete", b"?1" if upload.complete else b"?0"), (b"upload-limit", upload_limit(limits))]
    elif upload.expires_at is not None and not upload.complete:
        found.append((b"upload-expires", formatdate(upload.expires_at.timestamp(), usegmt=True).encode()))
    if whole:
        if upload.length is not None:
            found.append((b"upload-length", b"%d" % upload.length))
        elif said.tus:
            found.append((b"upload-defer-length", b"1"))
        if upload.metadata and said.tus:
            found.append((b"upload-metadata", upload.metadata.encode("latin-1")))
    return found


_TUS_STATUS: Final[dict[type[Exception], int]] = {
    UploadLocked: 423,
    ChecksumMismatch: 460,
    WrongVersion: 412,
    LengthMismatch: 400,
    UploadComplete: 403,
}
_IETF_STATUS: Final[dict[type[Exception], int]] = {LengthMismatch: 400, UploadComplete: 400}
_IETF_TYPES: Final[dict[type[Exception], str]] = {
    OffsetMismatch: "mismatching-upload-offset",
    UploadComplete: "completed-upload",
    LengthMismatch: "inconsistent-upload-length",
}
_REGISTRY: Final = "https://iana.org/assignments/http-problem-types#"


def refusal(said: ResumableRequest, error: ApiBaseError) -> ProtocolAnswer | None:
    """Return the answer to a refused request; None for an unexpected error."""
    problem = problem_of(error)
    if problem is None:
        return None
    status = (_TUS_STATUS if said.tus else _IETF_STATUS).get(type(error), problem.status)
    context = current_context.get()
    content: dict[str, Any] = problem.members(instance=public_prefix.get() + context.path, request_id=context.request_id)
    content["status"] = status
    headers = [*problem.headers, *said.echo, *language_header()]
    if isinstance(error, OffsetMismatch):
        content |= {"expected-offset": error.expected, "provided-offset": error.provided}
        headers.append((b"upload-offset", b"%d" % error.expected))
    if not said.tus and type(error) in _IETF_TYPES:
        content["type"] = _REGISTRY + _IETF_TYPES[type(error)]
        headers.append((b"upload-complete", b"?1" if isinstance(error, UploadComplete) else b"?0"))
    if isinstance(error, WrongVersion):
        headers.append((b"tus-version", TUS_VERSION.encode()))
    return ProtocolAnswer(status=status, content=content, headers=headers, media_type=MEDIA_TYPE, error=error)
