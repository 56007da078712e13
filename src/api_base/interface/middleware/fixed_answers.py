"""Answers to requests that are refused before the middleware stack runs, as bytes on the connection.

They carry what every other answer carries: a problem [RFC 9457], a request id, security headers, and the headers of an allowed origin.
"""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from api_base.core.config.server import ServerSettings
from api_base.core.errors import ApiBaseError
from api_base.core.types import valid_request_id
from api_base.interface.errors.handlers import problem_of
from api_base.interface.errors.problem import MEDIA_TYPE, PATH_CHARACTERS
from api_base.interface.middleware.cors import CrossOrigin
from api_base.interface.middleware.production import SECURITY
from api_base.interface.middleware.security_headers import security_headers
from api_base.interface.public_url import below, public_prefix

type Headers = Sequence[tuple[bytes, bytes]]

_PATH: Final = "/refused-path"
_ID: Final = "refused-request-id"
_UNRESERVED: Final = re.compile(rb"[A-Za-z0-9/._~-]*").fullmatch
"""Most paths: each takes an eighth of the time of `quote`."""


@dataclass(frozen=True, slots=True)
class _Answer:
    head: bytes
    """The status line and the headers that do not depend on the request."""
    body: tuple[bytes, bytes, bytes]
    """The problem before its path, between path and request id, and after the request id."""


class FixedAnswers:
    """Renders refusals. The part that does not depend on the request is rendered once for each error object."""

    def __init__(self, server: ServerSettings) -> None:
        self._origins = CrossOrigin(server.cors_origins, server.cors_credentials) if server.cors_origins else None
        self._prefix = server.public_prefix
        self._random_bits = random.Random().getrandbits  # noqa: S311 -- ids, not secrets
        self._answers: dict[ApiBaseError, _Answer] = {}

    def render(self, error: ApiBaseError, added: Headers, *, path: bytes, head_only: bool, request: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the whole answer. `path` is encoded as in the request; `request` are its headers, as far as they are known.

        `added` are further headers: the date, and `Connection: close` if the connection closes.
        """
        answer = self._answers.get(error)
        if answer is None:
            with below(self._prefix):
                answer = self._answers[error] = _prepared(error)
        given, origin = b"", None
        for name, value in request:
            if name == b"x-request-id":
                given = value
            elif name == b"origin":
                origin = value
        request_id = (valid_request_id(given) if given else None) or self._random_bits(128).to_bytes(16).hex()
        before, between, after = answer.body
        body = b"%b%b%b%b%b" % (before, _instance(self._public(path)), between, request_id.encode(), after)
        headers = [*added, *self._origins.headers(origin)[0]] if self._origins is not None else added
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        return b"%b%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            answer.head,
            lines,
            request_id.encode(),
            len(body),
            b"" if head_only else body,
        )

    def _public(self, path: bytes) -> bytes:
        """Return the path below the prefix, which a proxy may have kept."""
        prefix = self._prefix.encode()
        return path if (path + b"/").startswith(prefix + b"/") else prefix + path


def _prepared(error: ApiBaseError) -> _Answer:
    problem = problem_of(error)
    assert problem is not None  # PROBLEMS contains its type
    before, _, rest = problem.body(_PATH, _ID).partition(f"{public_prefix.get()}{_PATH}".encode())
    between, _, after = rest.partition(_ID.encode())
    headers = [(b"content-type", MEDIA_TYPE), (b"cache-control", b"no-store"), *problem.headers, *security_headers(**SECURITY)]
    status = b"HTTP/1.1 %d %b\r\n" % (problem.status, HTTPStatus(problem.status).phrase.encode())
    return _Answer(status + b"".join([b"%b: %b\r\n" % header for header in headers]), (before, between, after))


def _instance(path: bytes) -> bytes:
    """The path as a URI reference in JSON: whatever a path may not contain is encoded, what is encoded stays as it is."""
    return path if _UNRESERVED(path) else quote(path, safe=f"{PATH_CHARACTERS}%").encode()
