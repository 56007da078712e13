"""A problem, as `application/problem+json` [RFC 9457]."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

import msgspec

from api_base.core.errors import Violation

MEDIA_TYPE: Final = b"application/problem+json"
PATH_CHARACTERS: Final = "/:@!$&'()*+,;="
"""Characters that a path may contain unencoded [RFC 3986, section 3.3], in addition to letters, digits and -._~."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`kind` is the last part of its type's URI, /problems/<kind>, where the documentation explains it; empty for other kinds.

    `headers` go with the answer (`Retry-After`, `WWW-Authenticate`, `Allow`).
    """

    kind: str
    title: str
    status: int
    detail: str
    violations: Sequence[Violation] = ()
    headers: Sequence[tuple[bytes, bytes]] = ()

    def with_headers(self, headers: Sequence[tuple[bytes, bytes]]) -> "Problem":
        """Return the same problem with other headers."""
        return replace(self, headers=headers)

    def body(self, path: str, request_id: str) -> bytes:
        """Return the JSON.

        `path` is the decoded path of the request: `instance` is a URI reference, so it is encoded again [RFC 9457, section 3.1.5].
        """
        content: dict[str, Any] = {
            "type": f"/problems/{self.kind}" if self.kind else "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": quote(path, safe=PATH_CHARACTERS),
            "request_id": request_id,
        }
        if self.violations:
            content["errors"] = [{"pointer": v.pointer, "code": v.code, "message": v.message} for v in self.violations]
        return _encode(content)
