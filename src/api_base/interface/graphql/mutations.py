"""Mutations: the routes of the REST API that change something, with the same messages, bodies, versions and idempotency keys.

A route with a limit of its own, without authentication, of another protocol, whose response must not be stored (such as tokens), or with a
streamed body stays a matter of HTTP.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from string import Formatter
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import strawberry
from fastapi import APIRouter
from fastapi.params import Depends
from pydantic import BaseModel
from strawberry import UNSET
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from api_base.core.errors import Invalid, Unauthenticated
from api_base.core.types import KeyedExecution, KeyedRequest, current_context
from api_base.core.types.idempotency_keys import fingerprint, key_digest
from api_base.interface.errors.http import BadRequest, PreconditionRequired
from api_base.interface.graphql import ids
from api_base.interface.graphql.errors import argument_name
from api_base.interface.graphql.fields import REQUIRED, Argument, field, object_type, plain_field
from api_base.interface.graphql.inputs import Inputs, plain
from api_base.interface.graphql.scalars import Long
from api_base.interface.graphql.types import Types
from api_base.interface.routes import Router
from api_base.interface.routes.idempotency import KEY_SYNTAX, accepts_key, key_of
from api_base.interface.routes.parameters import IfMatch
from api_base.interface.routes.router import RouteDefinition
from api_base.interface.versioning.shapes import Shapes

CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class VersionRequired(PreconditionRequired):
    """A change of a versioned object came without `expectedVersion`."""

    def __init__(self) -> None:
        Exception.__init__(self, "The mutation must have expectedVersion. Send the version that you read, or null for any version.")


@dataclass(frozen=True, slots=True)
class _Parameter:
    """An argument of a mutation. `read` converts what the client sends to what the endpoint takes. `body` is the class of a body."""

    name: str
    argument: str
    hint: Any
    default: Any
    read: Callable[[Any], Any]
    body: type[BaseModel] | None = None


@dataclass(frozen=True, slots=True)
class _Done:
    result: Any
    replayed: bool


class Mutations:
    """Makes mutations from routes."""

    def __init__(self, types: Types) -> None:
        self._types, self._inputs = types, Inputs(Shapes(types.changes, both=True))

    def fields(self, routers: Sequence[tuple[str, APIRouter]]) -> Iterator[tuple[str, StrawberryField]]:
        """Yield the mutations with their names."""
        for _, router in routers:
            for one in router.definitions if isinstance(router, Router) else ():
                if one.method in CHANGING and one.options.removed_in is None and (parameters := self._parameters(one)) is not None:
                    yield argument_name(one.endpoint.__name__), self._field(one, parameters)

    def _parameters(self, one: RouteDefinition) -> list[_Parameter] | None:
        """Return the parameters of a route, or None if it becomes no mutation."""
        options = one.options
        if (
            options.auth != "required"
            or options.rate is not None
            or options.limits
            or options.protocol is not None
            or not options.replayable
            or one.dependencies
        ):
            return None
        hints = get_type_hints(one.endpoint, include_extras=True)
        if not _shown(hints.pop("return", None)):
            return None
        made = [self._parameter(name, hints[name], one.path) for name in inspect.signature(one.endpoint).parameters]
        return None if None in made else [parameter for parameter in made if parameter is not None]

    def _parameter(self, name: str, hint: Any, path: str) -> _Parameter | None:
        if name in {part for _, part, _, _ in Formatter().parse(path)}:
            return self._of_path(name, hint, path)
        if inspect.isclass(hint) and issubclass(hint, BaseModel):
            return _Parameter(name, "input", self._inputs.of(hint), REQUIRED, self._inputs.reader(hint), hint)
        marks = [mark.dependency for mark in get_args(hint)[1:] if isinstance(mark, Depends)] if get_origin(hint) is Annotated else []
        if marks and isinstance(marks[0], IfMatch):
            return _version(name, required=marks[0].required)
        return None

    def _of_path(self, name: str, hint: Any, path: str) -> _Parameter:
        before = path[: path.index(f"/{{{name}}}")]
        node = next((node for node in self._types.by_name.values() if node.path == before), None)
        if node is None or (name != node.key and hint is str):  # a resource that its path names in another way, such as by a slug
            return _Parameter(name, name, hint, REQUIRED, lambda given: given)
        argument = argument_name(name)
        return _Parameter(name, name, strawberry.ID, REQUIRED, lambda given: ids.decode_as(node.name, given, argument))

    def _field(self, one: RouteDefinition, parameters: Sequence[_Parameter]) -> StrawberryField:
        body = next((parameter.body for parameter in parameters if parameter.body is not None), None)
        name, endpoint, keyed = argument_name(one.endpoint.__name__), one.endpoint, accepts_key(one.method, one.options)

        async def resolve(root: Any, info: Info, **given: Any) -> _Done:
            del root
            if current_context.get().principal is None:
                raise Unauthenticated("The operation requires authentication. Send an access token.")
            key = given.pop("idempotency_key", None)
            arguments = {parameter.name: parameter.read(given.get(parameter.argument, UNSET)) for parameter in parameters}
            arguments = {name: await value if inspect.isawaitable(value) else value for name, value in arguments.items()}
            try:
                if key is None:
                    return _Done(await endpoint(**arguments), replayed=False)
                return await _once(f"mutation {name}", key, given, lambda: endpoint(**arguments))
            except Invalid as error:
                if body is None:
                    raise
                raise self._inputs.located(error, given["input"], body) from None
            finally:
                info.context.forget()

        arguments: dict[str, Argument] = {parameter.argument: (parameter.hint, parameter.default) for parameter in parameters}
        if keyed:
            about = strawberry.argument(description="The mutation is executed once: repetitions with this key return the first result.")
            arguments["idempotency_key"] = (Annotated[str | None, about], None)
        returns = get_type_hints(one.endpoint).get("return")
        payload = self._payload(name, type(None) if returns is None else returns)
        return field(resolve, payload | None, one.documented.get("summary", ""), arguments)

    def _payload(self, name: str, returns: Any) -> Any:
        fields = {"replayed": plain_field(lambda done: done.replayed, bool, "Whether this is the stored result of an earlier request.")}
        if returns is type(None):
            fields["done"] = plain_field(lambda done: True, bool, "Always true: there is nothing else to return.")
        else:
            made = self._types.of(returns)
            member = made.__strawberry_definition__.name
            fields[member[0].lower() + member[1:]] = plain_field(lambda done: done.result, made)
        return object_type(f"{name[0].upper()}{name[1:]}Payload", fields)


def _shown(returns: Any) -> bool:
    return returns is None or returns is type(None) or (inspect.isclass(returns) and is_dataclass(returns))


def _version(name: str, *, required: bool) -> _Parameter:
    sent = "Required; null for any version." if required else "Any version by default."
    about = strawberry.argument(description=f"The version that you read. {sent}")

    def read(given: Any) -> int | None:
        if given is UNSET and required:
            raise VersionRequired
        return None if given is UNSET else given

    return _Parameter(name, "expected_version", Annotated[Long | None, about], UNSET, read)


async def _once(route: str, key: str, given: Mapping[str, Any], execute: Callable[[], Any]) -> _Done:
    """Execute a mutation with a key once. Raises `BadRequest` for a malformed key."""
    content, context = key_of(key), current_context.get()
    if content is None:
        raise BadRequest(f"idempotencyKey must be {KEY_SYNTAX}")
    assert context.principal is not None  # the resolver has refused anonymous requests
    sent = repr(sorted((name, plain(value)) for name, value in given.items() if value is not UNSET))
    request = KeyedRequest(
        tenant_id=context.tenant_id,
        user_id=context.principal.user_id,
        route=route,
        key=key_digest(content),
        fingerprint=fingerprint(content, sent.encode("utf-8", "surrogatepass")).digest(),
    )
    execution = KeyedExecution(request=request)
    token = current_context.set(context.within(execution))
    try:
        return _Done(await execute(), replayed=execution.replayed)
    finally:
        current_context.reset(token)
