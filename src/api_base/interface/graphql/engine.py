"""Parses, limits, validates and executes operations. It imports the library: only the first request makes an `Engine`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.execute import create_source_event_stream, execute_subscription_event, map_source_to_response_event
from opentelemetry.trace import Span

from api_base.core.config.graphql import GraphQLSettings
from api_base.core.errors import ConfigurationError
from api_base.core.shared.trace_units import operation
from api_base.core.types import current_context
from api_base.interface.graphql.context import GraphQLContext
from api_base.interface.graphql.documents import BYTES_PER_TOKEN, DocumentCache, Prepared, TrustedDocument, trusted_documents
from api_base.interface.graphql.leaves import MAX_RESPONSE_BYTES
from api_base.interface.graphql.lexical import check_tokens
from api_base.interface.graphql.limits import prices_of
from api_base.interface.graphql.plain import PlainExecutor, executed_by, plain_executor
from api_base.interface.graphql.refused import LimitExceeded, MutationByGet, NotWellFormed, OperationTimeout, RequestRefused
from api_base.interface.graphql.request import OperationRequest
from api_base.interface.graphql.sessions import LiveSession
from api_base.interface.graphql.spans import OPERATION, describe, event_span, noted, server_error
from api_base.interface.routes.rendering import encode

MAX_ERRORS: Final = 20
"""Errors of one document, and of the variables of one operation."""
MAX_INLINE_CHARACTERS: Final = 1_000
"""A longer document is parsed and validated in a thread: it may take as long as several requests."""

type FormatErrors = Callable[[list[GraphQLError]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """`content` is the JSON of a GraphQL response; `executed` is False for a request error. `failed` is the code of an error of the server."""

    content: bytes
    executed: bool
    status: int = 200
    failed: str | None = None


class Engine:
    """`context` makes the value that resolvers receive, for one operation, or for one event of a subscription, of the session of a connection."""

    def __init__(
        self,
        schema: GraphQLSchema,
        settings: GraphQLSettings,
        *,
        context: Callable[[LiveSession | None], GraphQLContext],
        formatted: FormatErrors,
        shows_internals: bool,
    ) -> None:
        self._schema, self._settings, self._context, self._formatted = schema, settings, context, formatted
        self._executor = plain_executor(schema)
        self._hidden = not shows_internals
        self._rules = (*specified_rules, *((NoSchemaIntrospectionCustomRule,) if self._hidden else ()))
        self._documents = DocumentCache(settings.cache_bytes)
        self._trusted: dict[str, Prepared] | None = None
        if settings.trusted_documents is not None:
            self._trusted = {name: self._trusted_one(one) for name, one in trusted_documents(settings.trusted_documents).items()}

    async def prepare(self, request: OperationRequest, *, keep: bool) -> Prepared:
        """Return the valid document. `keep`: the cache may keep it. Raises `RequestRefused`."""
        if self._trusted is not None:
            found = self._trusted.get(request.document_id or "")
            if found is None:
                raise RequestRefused(
                    "Only trusted documents are executed: send the documentId of one of them, and no query.", "UNTRUSTED_DOCUMENT"
                )
            return found
        source = request.query
        if source is None:
            raise RequestRefused(
                "No document has this documentId: the server has no trusted documents. Send the query.", "UNKNOWN_DOCUMENT"
            )
        kept = self._documents.get(source)
        if kept is not None:
            return kept
        size = len(source.encode("utf-8", "surrogatepass"))
        if size > self._settings.max_document_bytes:
            limit = self._settings.max_document_bytes
            raise LimitExceeded("document_bytes", limit, f"The document has more than {limit} bytes")
        made = self._parsed(source) if size <= MAX_INLINE_CHARACTERS else await asyncio.to_thread(self._parsed, source)
        if keep:
            self._documents.put(source, made)
        return made

    def _trusted_one(self, document: TrustedDocument) -> Prepared:
        try:
            return self._parsed(document.text)
        except RequestRefused as refused:
            reason = " ".join(refused.errors[0]["message"].split())
            places = refused.errors[0].get("locations") or ()
            where = "".join(f" (line {one['line']}, column {one['column']} of the document)" for one in places[:1])
            raise ConfigurationError(f"{document.place} is refused: {reason}{where}") from None

    def _parsed(self, source: str) -> Prepared:
        tokens = check_tokens(source, max_tokens=self._settings.max_tokens, max_depth=self._settings.max_depth)
        try:
            document = parse(source, max_lexical_tokens=self._settings.max_tokens, max_comments=self._settings.max_tokens)
        except GraphQLError as error:
            raise self._refused([error], "SYNTAX") from None
        prices = prices_of(document, self._schema, self._settings.max_depth)
        errors = validate(self._schema, document, self._rules, max_errors=MAX_ERRORS, hide_suggestions=self._hidden)
        if errors:
            raise self._refused(errors, "VALIDATION")
        return Prepared(document=document, prices=prices, size=tokens * BYTES_PER_TOKEN + len(source) * 2)

    def _refused(self, errors: list[GraphQLError], code: str) -> RequestRefused:
        described = [{**error.formatted, "extensions": {"code": code}} for error in errors]
        return RequestRefused(str(errors[0]), errors=described)

    def operation(self, prepared: Prepared, request: OperationRequest, *, safe: bool) -> OperationDefinitionNode:
        """Return the operation to execute, whose cost is within the limit. `safe`: by GET. Raises `RequestRefused`."""
        operation = get_operation_ast(prepared.document, request.operation_name)
        if operation is None:
            named = request.operation_name is not None
            raise RequestRefused(
                "The document has no operation of this name." if named else "operationName must name one of the operations."
            )
        if safe and operation.operation is OperationType.MUTATION:
            raise MutationByGet("A mutation must be sent by POST.", "METHOD_NOT_ALLOWED")
        unknown = request.variables.keys() - {one.variable.name.value for one in operation.variable_definitions or ()}
        if unknown:
            raise RequestRefused(f"The operation has no variable {min(unknown)[:50]!r}.", "UNKNOWN_VARIABLE")
        cost, limit = prepared.prices[operation.name.value if operation.name else ""].total(request.variables), self._settings.max_cost
        if cost > limit:
            raise LimitExceeded("cost", limit, f"The operation costs {min(cost, 10**12)}: ask for smaller pages or fewer fields")
        return operation

    async def run(self, request: OperationRequest, *, keep: bool, safe: bool = False) -> Response:
        """Execute a query or mutation. Raises nothing that the client should not see: refusals are responses."""
        with operation(OPERATION, {}) as current:
            try:
                prepared, chosen = await self._chosen(request, current, keep=keep, safe=safe)
                if chosen.operation is OperationType.SUBSCRIPTION:
                    raise RequestRefused("A subscription needs an event stream (Accept: text/event-stream) or a WebSocket.", "SUBSCRIPTION")
                return noted(current, await self.execute(prepared, request))
            except NotWellFormed:
                raise
            except RequestRefused as refused:
                return noted(current, refusal(refused))

    async def _chosen(
        self, request: OperationRequest, current: Span, *, keep: bool, safe: bool
    ) -> tuple[Prepared, OperationDefinitionNode]:
        """Return the document and the operation to execute, which `current` describes from here on."""
        prepared = await self.prepare(request, keep=keep)
        chosen = self.operation(prepared, request, safe=safe)
        describe(current, chosen.operation.value, chosen.name.value if chosen.name else None)
        return prepared, chosen

    async def responses(
        self,
        request: OperationRequest,
        *,
        keep: bool,
        safe: bool = False,
        session: LiveSession | None = None,
        opened: Callable[[], AbstractContextManager[Span]] = lambda: operation(OPERATION, {}),
    ) -> AsyncGenerator[Response]:
        """Yield the responses of any operation: those of its events, if it is a subscription. A refusal is a response.

        `opened` opens the span of the operation. That of a subscription ends when events may come; each event has one of its own.
        """
        with opened() as current:
            made: Response | AsyncGenerator[Response]
            try:
                prepared, chosen = await self._chosen(request, current, keep=keep, safe=safe)
                if chosen.operation is OperationType.SUBSCRIPTION:
                    made = await self.events(prepared, request, session)
                else:
                    made = await self.execute(prepared, request)
            except RequestRefused as refused:
                made = refusal(refused)
            if isinstance(made, Response):
                noted(current, made)
        if isinstance(made, Response):
            yield made
            return
        async with aclosing(made):
            async for one in made:
                yield one

    async def execute(self, prepared: Prepared, request: OperationRequest) -> Response:
        """Execute a query or mutation of a prepared document. Raises `OperationTimeout`."""
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                executor = self._build(prepared, request, None)
                if isinstance(executor, list):
                    return self._response(ExecutionResult(None, executor))
                result = await executed_by(executor, executor.execute_operation())
        except TimeoutError:
            raise self._timeout() from None
        return refusal(_too_large()) if executor.size.exceeded else self._response(result)

    def _build(self, prepared: Prepared, request: OperationRequest, session: LiveSession | None) -> PlainExecutor | list[GraphQLError]:
        """Return what executes the operation, or the errors of its variables."""
        built: Any = self._executor.build(
            self._schema,
            prepared.document,
            context_value=self._context(session),
            raw_variable_values=dict(request.variables),
            operation_name=request.operation_name,
            max_coercion_errors=MAX_ERRORS,
            hide_suggestions=self._hidden,
        )
        return cast("PlainExecutor | list[GraphQLError]", built)

    async def events(
        self, prepared: Prepared, request: OperationRequest, session: LiveSession | None
    ) -> Response | AsyncGenerator[Response]:
        """Subscribe: return the responses of the events, or one response if there are none.

        Each event is executed with a context of its own, as the caller of `session` is by then.
        """
        executor = self._build(prepared, request, session)
        if isinstance(executor, list):
            return self._response(ExecutionResult(None, executor))
        stream = create_source_event_stream(executor)
        if not isinstance(stream, ExecutionResult | AsyncIterable):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            return self._response(ExecutionResult(None, stream.errors), executed=False)

        async def execute_event(one: Any) -> ExecutionResult:
            if session is not None:
                current_context.set(session.context)
            with event_span(one.root_value):
                one.context_value = self._context(session)
                try:
                    async with asyncio.timeout(self._settings.timeout_seconds):
                        made = await executed_by(one, execute_subscription_event(one))
                except TimeoutError:
                    return ExecutionResult(None, [_error(self._timeout())])
                return ExecutionResult(None, [_error(_too_large())]) if one.size.exceeded else made

        return self._responses(map_source_to_response_event(executor, stream, execute_event))

    async def _responses(self, results: AsyncGenerator[ExecutionResult]) -> AsyncGenerator[Response]:
        async with aclosing(results):
            try:
                async for one in results:
                    yield self._response(one, executed=True)
            except GraphQLError as error:  # of the source: the subscription is refused, or has ended
                yield self._response(ExecutionResult(None, [error]), executed=False)

    def _timeout(self) -> OperationTimeout:
        return OperationTimeout(f"The operation was aborted after {self._settings.timeout_seconds:g} s.", "TIMEOUT")

    def _response(self, result: ExecutionResult, *, executed: bool | None = None) -> Response:
        errors = self._formatted(result.errors) if result.errors else []
        if executed is None:
            executed = result.data is not None or not errors or any(error.path for error in result.errors or ())
        content = encode({**({"errors": errors} if errors else {}), **({"data": result.data} if executed else {})})
        if len(content) > MAX_RESPONSE_BYTES:
            return refusal(_too_large())
        return Response(content=content, executed=executed, status=200 if executed else 400, failed=server_error(errors))


def _too_large() -> LimitExceeded:
    return LimitExceeded("response_bytes", MAX_RESPONSE_BYTES, f"The response has more than {MAX_RESPONSE_BYTES} bytes")


def _error(refused: RequestRefused) -> GraphQLError:
    """Return a refusal as the error of an event."""
    (described,) = refused.errors
    return GraphQLError(described["message"], extensions=described["extensions"])


def refusal(refused: RequestRefused) -> Response:
    """Return a refusal as a response."""
    errors = refused.errors[:MAX_ERRORS]
    return Response(content=encode({"errors": errors}), executed=False, status=refused.status, failed=server_error(errors))


def batch(responses: list[Response]) -> Response:
    """Return the responses of a batch as one."""
    return Response(content=encode([msgspec.Raw(one.content) for one in responses]), executed=True)
