"""/graphql: GraphQL over HTTP [graphql/graphql-over-http, draft of 2025], and event streams [graphql-sse, distinct connections mode].

POST takes `application/json` only, which a page of another origin cannot send without a preflight. GET, for queries, needs a header that forces
one as well: `Authorization`, `Apollo-Require-Preflight`, `X-Apollo-Operation-Name`, or a Content-Type that no form sends. The GraphQL library is
imported by the first request.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from fastapi import Depends
from starlette.types import Receive, Scope

from api_base.core.config.graphql import GraphQLSettings
from api_base.core.errors import ApiBaseError, Invalid
from api_base.core.types import current_context
from api_base.interface.errors.handlers import problem_of
from api_base.interface.graphql.refused import LimitExceeded, NotWellFormed
from api_base.interface.graphql.request import EVENTS, JSON, RESPONSE, OperationRequest, accepted, operation_of, operation_of_query
from api_base.interface.graphql.sessions import LiveSessions
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes import body as bodies
from api_base.interface.routes.parameters import QueryResolver, header, query_pairs
from api_base.interface.routes.rendering import ProtocolAnswer, StreamAnswer, encode

if TYPE_CHECKING:
    from api_base.interface.graphql.engine import Engine, Response

PATH: Final = "/graphql"
MAX_BODY_BYTES: Final = 65_536
_PREFLIGHT: Final = (b"authorization", b"apollo-require-preflight", b"x-apollo-operation-name")
_SIMPLE: Final = ("", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""Media types that a page sends to another origin without a preflight [Fetch, section 4.8]."""
_KEEP_ALIVE_SECONDS: Final = 12.0
_EXAMPLE: Final = {"body": {"query": "{ __typename }"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The operations of a request. `media_type` is that of the response. `error` is why the request is refused, with `status`."""

    operations: tuple[OperationRequest, ...] = ()
    media_type: str | None
    error: ApiBaseError | None = None
    batch: bool = False
    safe: bool = False


class GraphQLBody:
    """Reads the operations of a POST. `batch` is the number of operations that it may have."""

    def __init__(self, batch: int) -> None:
        self._batch = batch

    async def read(self, scope: Scope, receive: Receive, limit: int) -> Sent:
        media_type = accepted(header(scope, b"accept"))
        try:
            if media_type is None:
                return Sent(media_type=None)
            content_type = (header(scope, b"content-type") or "").lower()
            if "charset=" in content_type and content_type.rpartition("charset=")[2].strip(' "') not in ("utf-8", "utf8"):
                raise NotWellFormed("The body must be encoded in UTF-8.")
            raw = await bodies.read(scope, receive, limit, bodies.JSON)
            if self._batch == 1 and raw.lstrip()[:1] == b"[":  # before it is parsed
                raise NotWellFormed("The request must be one JSON object: batches are off.")
            document = await bodies.document(raw)
            if not isinstance(document, list):
                return Sent(operations=(operation_of(document),), media_type=media_type)
            if not document or len(document) > self._batch:
                raise LimitExceeded("batch", self._batch, "A batch must have at least one operation, and no more than the limit")
            return Sent(operations=tuple(operation_of(one) for one in document), media_type=media_type, batch=True)
        except ApiBaseError as error:
            return Sent(media_type=media_type, error=error)

    def __call__(self) -> None:
        """Declare nothing: `_DOCUMENTED` describes the body."""


class GraphQLQuery(QueryResolver):
    """The operation in the query string of a GET."""

    def resolve(self, scope: Scope) -> Sent:
        media_type = accepted(header(scope, b"accept"))
        try:
            if not any(name in _PREFLIGHT for name, _ in scope["headers"]) and bodies.media_type(scope) in _SIMPLE:
                raise NotWellFormed(
                    "A GET must have a header that no page of another origin can send unasked: Authorization, or Apollo-Require-Preflight: true."
                )
            return Sent(operations=(operation_of_query(query_pairs(scope["query_string"], 10)),), media_type=media_type, safe=True)
        except ApiBaseError as error:
            return Sent(media_type=media_type, error=error)

    def __call__(self) -> None:
        """Declare nothing: `_DOCUMENTED` describes the parameters."""


class GraphQLEndpoint:
    """Holds the engine, which `make` builds once, in a thread: it takes some tenths of a second."""

    def __init__(self, make: "Callable[[], Engine]", sessions: LiveSessions) -> None:
        self._make, self._sessions = make, sessions
        self._made: asyncio.Future[Engine] | None = None

    async def engine(self) -> "Engine":
        """Return the engine. Raises what `make` raises; the next request tries again."""
        if self._made is None:
            self._made = asyncio.ensure_future(asyncio.to_thread(self._make))
        try:
            return await asyncio.shield(self._made)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._made = None
            raise

    async def answer(self, sent: Sent) -> ProtocolAnswer | StreamAnswer:
        """Execute what was sent."""
        if sent.media_type is None:
            message = f"The response can be {RESPONSE}, {JSON} or {EVENTS}; Accept allows none of them."
            return _answer(_refused(406, message, "NOT_ACCEPTABLE"), 406, JSON)
        if sent.error is not None:
            return _failed(sent.error, sent.media_type)
        engine, keep = await self.engine(), current_context.get().principal is not None
        if sent.media_type == EVENTS:
            if sent.batch:
                return _failed(NotWellFormed("An event stream takes one operation."), JSON)
            ended = asyncio.get_running_loop().create_future()
            events = self._events(engine, sent.operations[0], ended, keep=keep, safe=sent.safe)
            return _stream(events, lambda _: _set(ended, "left"))
        from api_base.interface.graphql.engine import batch

        responses = [await engine.run(one, keep=keep, safe=sent.safe) for one in sent.operations]
        response = batch(responses) if sent.batch else responses[0]
        status = response.status if sent.media_type == RESPONSE or response.status == 405 else 200
        return _answer(response.content, status, sent.media_type)

    async def _events(
        self, engine: "Engine", request: OperationRequest, ended: "asyncio.Future[Any]", *, keep: bool, safe: bool
    ) -> AsyncIterator[bytes]:
        """Yield the responses of any operation as events, until `ended`; errors before the execution are events as well."""
        context = current_context.get()
        try:
            session = None if context.principal is None else self._sessions.open(context, partial(_set, ended))
        except ApiBaseError as error:
            yield b"event: next\ndata: %b\n\nevent: complete\ndata:\n\n" % failure_of(error)[1]
            return
        responses = engine.responses(request, keep=keep, safe=safe, session=session)
        pending: asyncio.Future[Response] | None = None
        try:
            yield b":\n\n"
            while not ended.done():
                pending = pending or asyncio.ensure_future(anext(responses))
                await asyncio.wait([pending, ended], timeout=_KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if not pending.done():
                    yield b":\n\n"
                    continue
                try:
                    response = pending.result()
                except StopAsyncIteration:
                    break
                pending = None
                yield b"event: next\ndata: %b\n\n" % response.content
            yield b"event: complete\ndata:\n\n"
        finally:
            if session is not None:
                session.close()
            if pending is not None:
                pending.cancel()
                await asyncio.wait([pending])
            await responses.aclose()


def _set(future: "asyncio.Future[str]", reason: str) -> None:
    if not future.done():
        future.set_result(reason)


def _stream(content: AsyncIterator[bytes], leave: Callable[[object], None]) -> StreamAnswer:
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
    return StreamAnswer(status=200, headers=headers, content=content, leave=leave)


def _answer(content: bytes, status: int, media_type: str) -> ProtocolAnswer:
    headers = [(b"vary", b"Accept"), *([(b"allow", b"POST")] if status == 405 else [])]
    return ProtocolAnswer(status=status, content=msgspec.Raw(content), media_type=f"{media_type}; charset=utf-8".encode(), headers=headers)


def _failed(error: ApiBaseError, media_type: str) -> ProtocolAnswer:
    """Return a request that is no GraphQL request; an event stream cannot describe it."""
    shown = JSON if media_type == EVENTS else media_type
    status, content = failure_of(error)
    error.__traceback__ = None  # it leads back to what was sent
    return _answer(content, status, shown)


def failure_of(error: ApiBaseError) -> tuple[int, bytes]:
    """Return the status and the content. Raises `error` itself if clients must not see it."""
    if isinstance(error, NotWellFormed | LimitExceeded):
        return 400, encode({"errors": error.errors})
    problem = problem_of(error)
    if problem is None:
        raise error
    status = 400 if isinstance(error, Invalid) else problem.status
    return status, _refused(status, problem.detail, problem.kind.upper().replace("-", "_"))


def _refused(status: int, message: str, code: str) -> bytes:
    return encode({"errors": [{"message": message, "extensions": {"code": code, "status": status}}]})


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A GraphQL response", "content": {JSON: {"schema": {"type": "object"}}, RESPONSE: {"schema": {"type": "object"}}}},
    400: {"description": "A request error [GraphQL over HTTP]", "content": {JSON: {"schema": {"type": "object"}}}},
    406: {"description": "Accept allows no media type of GraphQL [GraphQL over HTTP]", "content": {JSON: {"schema": {"type": "object"}}}},
}
_BODY_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    413: {"description": "The body is too large [GraphQL over HTTP]", "content": {JSON: {"schema": {"type": "object"}}}},
    415: {"description": "The body is not JSON [GraphQL over HTTP]", "content": {JSON: {"schema": {"type": "object"}}}},
}
_PARAMETERS: Final = {
    "query": "The document",
    "operationName": "The operation of the document",
    "variables": "Its variables, as JSON",
    "documentId": "A trusted document",
}
_GET: Final = {
    "parameters": [{"name": name, "in": "query", "description": text, "schema": {"type": "string"}} for name, text in _PARAMETERS.items()]
}
_POST: Final = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "title": "GraphQLRequest",
                    "properties": {
                        name: {"type": ["object" if name == "variables" else "string", "null"], "description": text}
                        for name, text in _PARAMETERS.items()
                    },
                }
            }
        },
    }
}


def routes(endpoint: GraphQLEndpoint, settings: GraphQLSettings) -> Router:
    """Serve `endpoint`."""
    router = Router(prefix=PATH, tags=["graphql"])
    options = RouteOptions(auth="optional", protocol="graphql", replayable=False, body_limit=MAX_BODY_BYTES, example=_EXAMPLE)
    reading = RouteOptions(auth="optional", protocol="graphql", replayable=False, example={"query": "query=%7B__typename%7D"})

    @router.post(
        "", options, summary="Execute a GraphQL operation", openapi_extra=_POST, response_model=None, responses=_RESPONSES | _BODY_RESPONSES
    )
    async def graphql(sent: Annotated[Sent, Depends(GraphQLBody(settings.batch))]) -> ProtocolAnswer | StreamAnswer:
        return await endpoint.answer(sent)

    @router.get("", reading, summary="Execute a GraphQL query", openapi_extra=_GET, response_model=None, responses=_RESPONSES)
    async def graphql_query(sent: Annotated[Sent, Depends(GraphQLQuery())]) -> ProtocolAnswer | StreamAnswer:
        return await endpoint.answer(sent)

    return router
