"""/ofrep/v1: the OpenFeature Remote Evaluation Protocol [open-feature/protocol, service/openapi.yaml, 0.3.0].

The access token says who the caller is. `targetingKey` and the attributes `user`, `tenant`, `plan` and `role` of a context that a client sends
are ignored, because every SDK sends some of them; the other attributes count. Errors that OFREP describes have its form, all others are problems.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header
from starlette.types import Receive, Scope

from api_base.application.common.cqrs import Bus
from api_base.application.services.feature_flags.clients import ClientFlag, EvaluateFlag, EvaluateFlags
from api_base.interface.errors.http import BadRequest, MalformedBody
from api_base.interface.errors.problem import MEDIA_TYPE
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes import body as bodies
from api_base.interface.routes.etags import matches
from api_base.interface.routes.parameters import header
from api_base.interface.routes.rendering import ProtocolAnswer

MAX_BODY_BYTES: Final = 65_536
_BODY: Final = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "title": "EvaluationRequest",
                    "properties": {
                        "context": {
                            "type": ["object", "null"],
                            "description": "Attributes of the evaluation context; those of the caller are ignored.",
                        }
                    },
                }
            }
        }
    }
}
_FAILURE: Final[dict[str, Any]] = {
    "content": {
        "application/json": {"schema": {"type": "object"}},
        MEDIA_TYPE.decode(): {"schema": {"$ref": "#/components/schemas/Problem"}},
    }
}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "The body or the context is refused [OFREP, evaluationFailure]", **_FAILURE}
}
_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "No such flag exists for the caller [OFREP, flagNotFound]", **_FAILURE}
}
_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "The caller has the current answer"}}
_OPTIONS: Final = RouteOptions(
    protocol="ofrep",
    replayable=False,
    body_limit=MAX_BODY_BYTES,
    cache="private, no-cache",
    example={"body": {"context": {"targetingKey": "ana", "country": "PT"}}},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """`context` is None for a body that is refused, with the error code and the reason."""

    context: Mapping[str, Any] | None
    code: str = ""
    reason: str = ""


class EvaluationBody:
    """Reads the context from the body. A request without a body has an empty one."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> EvaluationRequest:
        if bodies.declared_length(scope) == 0:
            return EvaluationRequest(context={})
        raw = await bodies.read(scope, receive, limit, bodies.JSON)
        try:
            document = await bodies.document(raw)
        except MalformedBody as error:
            return EvaluationRequest(context=None, code="PARSE_ERROR", reason=str(error))
        if not isinstance(document, Mapping):
            return EvaluationRequest(context=None, code="PARSE_ERROR", reason="The body must be a JSON object.")
        context = document.get("context")
        if not isinstance(context, Mapping | None):
            return EvaluationRequest(context=None, code="INVALID_CONTEXT", reason="The context must be a JSON object.")
        return EvaluationRequest(context={name: value for name, value in (context or {}).items() if name != "targetingKey"})

    def __call__(self) -> None:
        """Declare nothing: `_BODY` describes the body."""


@dataclass(frozen=True, slots=True)
class IfNoneMatch:
    """The header If-None-Match, or None."""

    def resolve(self, scope: Scope) -> str | None:
        return header(scope, b"if-none-match")

    def __call__(
        self,
        if_none_match: Annotated[str | None, Header(description="Entity tags of earlier answers; `304` if one is the current tag.")] = None,
    ) -> None:
        """For the documentation."""


Sent = Annotated[EvaluationRequest, Depends(EvaluationBody())]


def routes(bus: Bus) -> Router:
    router = Router(prefix="/ofrep/v1/evaluate", tags=["ofrep"])

    @router.post(
        "/flags/{key}",
        _OPTIONS,
        summary="Evaluate one flag for an OpenFeature client",
        openapi_extra=_BODY,
        response_model=Mapping[str, object],
        responses={**_REFUSED, **_NOT_FOUND},
    )
    async def evaluate_flag(key: str, sent: Sent) -> ProtocolAnswer:
        if sent.context is None:
            return ProtocolAnswer(status=400, content={"key": key, "errorCode": sent.code, "errorDetails": sent.reason})
        found = await bus.execute(EvaluateFlag(key=key, context=sent.context))
        if found is None:
            details = f"No flag with the key {key[:100]!r} exists for this caller."
            return ProtocolAnswer(status=404, content={"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": details})
        return ProtocolAnswer(status=200, content=_shown(found))

    @router.post(
        "/flags",
        _OPTIONS,
        summary="Evaluate all flags for an OpenFeature client",
        openapi_extra=_BODY,
        response_model=Mapping[str, object],
        responses={**_REFUSED, **_UNCHANGED},
    )
    async def evaluate_flags(sent: Sent, if_none_match: Annotated[str | None, Depends(IfNoneMatch())]) -> ProtocolAnswer:
        if sent.context is None:
            return ProtocolAnswer(status=400, content={"errorCode": sent.code, "errorDetails": sent.reason})
        found = await bus.execute(EvaluateFlags(context=sent.context))
        tag = f'"{found.tag}"'
        unchanged = if_none_match is not None and _matches(if_none_match, tag)
        content = None if unchanged else {"flags": [_shown(flag) for flag in found.flags]}
        return ProtocolAnswer(status=304 if unchanged else 200, content=content, headers=[(b"etag", tag.encode())])

    return router


def _matches(if_none_match: str, tag: str) -> bool:
    """Return whether the client has the current answer. What is no list of tags matches nothing, nor does `*`, which is for methods that only read."""
    try:
        return if_none_match.strip() != "*" and matches(if_none_match, tag)
    except BadRequest:
        return False


def _shown(flag: ClientFlag) -> Mapping[str, Any]:
    shown = {"key": flag.key, "reason": flag.reason}
    return shown if flag.variant is None else shown | {"variant": flag.variant, "value": flag.value}
