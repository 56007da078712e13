"""The shape of errors below a prefix, where an API has another one than problems [RFC 9457]."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from api_base.core.shared.logging import get_logger
from api_base.interface.errors.problem import MEDIA_TYPE, ProblemDocument

logger = get_logger(__name__)

SHAPE: Final = "api_base.problem_shape"
"""The key of a request's scope under which its shape is, if it has another one."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ProblemShape:
    """`convert` returns the JSON document of an error for the members of its problem: `type`, `title`, `status`, `detail`, `instance`, `request_id`,
    and where there are any `errors` and `violated-policies`. The status and the headers stay.

    `schema` describes that document in OpenAPI.

    >>> ProblemShape(lambda problem: {"message": problem["detail"]}).encoded(ProblemDocument({"detail": "Not found."}))
    (b'application/json', b'{"message":"Not found."}')
    """

    convert: Callable[[ProblemDocument], object]
    media_type: str = "application/json"
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})

    def document(self, problem: ProblemDocument) -> bytes:
        """Return the JSON. Raises what `convert` raises, and `TypeError` for what has no JSON."""
        return _encode(self.convert(problem))

    def encoded(self, problem: ProblemDocument) -> tuple[bytes, bytes]:
        """Return the media type and the JSON. If `convert` fails, that of the problem itself: an error must not hide another one."""
        try:
            return self.media_type.encode(), self.document(problem)
        except Exception:
            logger.exception("problem_not_converted", type=problem["type"])
            return MEDIA_TYPE, _encode(problem)
