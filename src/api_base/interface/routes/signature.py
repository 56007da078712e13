"""What the function of a route takes, read once at start from the annotations of FastAPI; what a Router cannot pass is a fault.

A parameter is a value of the path, one body, a resolver of ours, a value of the query, of a header or of a cookie, a field or file of a form, or a
dependency, whose parameters are the same except bodies, forms and resolvers.
"""

import inspect
import re
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from string import Formatter
from typing import Annotated, Any, Final, TypeAliasType, get_args, get_origin

from fastapi import Request, UploadFile, params
from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticUndefined, SchemaError

from api_base.core.shared import signatures
from api_base.interface.routes.dependencies import Step
from api_base.interface.routes.form import FormField
from api_base.interface.routes.parameters import BodyResolver, QueryResolver, Resolver
from api_base.interface.routes.renaming import Wire
from api_base.interface.routes.single_values import member_of, one_value, optional, plain_type
from api_base.interface.routes.unsupported import TAKEN, named, unsupported
from api_base.interface.routes.values import PLACES, Value

type Fault = tuple[Any, str]
"""The function that declares what is wrong, and a sentence about it."""

_MARKS: Final = (params.Param, params.Body, params.Depends)
_SEGMENT: Final = re.compile(r"[^{}]*|\{\w+\}")
"""A segment of a path: a value of the path is a whole one."""


class Signature:
    """`template` is the path of the route, `wire` gives the names that its clients see, `dependencies` are those that its router and its declaration name without a parameter.

    The results of `path`, `resolvers`, `values` and `form` are passed under their slots: the name of a parameter, or of one of a dependency.
    """

    def __init__(
        self, endpoint: Callable[..., Any], template: str, dependencies: Sequence[params.Depends] = (), wire: Wire | None = None
    ) -> None:
        self.endpoint, self.template, self.wire = endpoint, template, wire
        self.placeholders = [name for _, name, _, _ in Formatter().parse(template) if name]
        self.path: dict[str, TypeAdapter[Any]] = {}
        self.resolvers: list[tuple[str, Resolver]] = []
        self.bodies: dict[str, type[BaseModel] | BodyResolver] = {}
        self.values: list[Value] = []
        self.form: list[FormField] = []
        self.requests: list[str] = []
        self.steps: list[Step] = []
        self.faults: list[Fault] = []
        self._steps: dict[Any, Step] = {}
        self._open: list[Any] = []
        self._of_placeholder: dict[str, Any] = {}
        self._names: set[str] = set()
        self._count = 0
        for one in dependencies:
            self._depend(endpoint, "", one, None)
        self.arguments = self._take(endpoint, "")
        self._check()

    @property
    def whole_query(self) -> bool:
        """Return whether a resolver reads the whole query."""
        return any(isinstance(one, QueryResolver) for _, one in self.resolvers)

    @property
    def composed(self) -> bool:
        """Return whether the function takes more than values of the path, a body and resolvers."""
        return bool(self.values or self.form or self.steps or self.requests)

    def _check(self) -> None:
        name = getattr(self.endpoint, "__name__", type(self.endpoint).__name__)
        for segment in [one for one in self.template.split("/") if not _SEGMENT.fullmatch(one)]:
            self._refuse(
                self.endpoint,
                f"{name} has the path {self.template}, but a value is a whole segment, such as {{id}}, and not {segment!r}. "
                "Change it, or use fastapi.APIRouter for this route.",
            )
        for missing in [part for part in self.placeholders if part not in self._names]:
            self._refuse(self.endpoint, f"{name} has no parameter {missing!r}, which its path {self.template} names. Add it.")
        queries = [value.name for value in self.values if value.place == "query"]
        if queries and self.whole_query:
            owner = next(type(one).__name__ for _, one in self.resolvers if isinstance(one, QueryResolver))
            self._refuse(
                self.endpoint,
                f"{name} takes {queries[0]!r} from the query, of which {owner} reads the whole. Declare it as a field of the list, or remove one.",
            )

    def _refuse(self, call: Any, sentence: str) -> None:
        if (call, sentence) not in self.faults:
            self.faults.append((call, sentence))

    def _take(self, call: Any, prefix: str) -> list[tuple[str, str]]:
        """Note the parameters of a function. Return the name of each with its slot."""
        hints, taken = signatures.hints(_hinted(call)), list[tuple[str, str]]()
        bound = call.keywords if isinstance(call, partial) else {}  # nobody sends what the code has chosen
        for name, parameter in [one for one in inspect.signature(call).parameters.items() if one[0] not in bound]:
            shown = f"The parameter {name!r} of {named(call)}"
            self._names.add(name)
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                self._refuse(call, f"{shown} has no value of its own. Declare each parameter by its name.")
            elif name not in hints:
                self._refuse(call, f"{shown} has no type that exists at runtime. Write one.")
            elif isinstance(parameter.default, _MARKS):
                self._refuse(
                    call, f"{shown} is declared by its default. Write {name}: Annotated[…, {type(parameter.default).__name__}(…)]."
                )
            elif len(_marks(hints[name])) > 1:
                self._refuse(call, f"{shown} has {len(_marks(hints[name]))} of FastAPI's annotations. Write one.")
            else:
                taken.append((name, self._parameter(call, prefix, parameter, _unaliased(hints[name]))))
        return taken

    def _parameter(self, call: Any, prefix: str, parameter: inspect.Parameter, hint: Any) -> str:
        name, slot, shown = parameter.name, prefix + parameter.name, f"The parameter {parameter.name!r} of {named(call)}"
        mark = next(iter(_marks(hint)), None)
        if name in self.placeholders and isinstance(mark, params.Path | None):
            return self._of_path(call, shown, parameter, hint)
        if name in self.placeholders:
            self._refuse(
                call,
                f"{shown} is a value of the path {self.template}, and not of {type(mark).__name__}. Remove the annotation, or rename it.",
            )
        elif isinstance(mark, params.Depends):
            return self._depend(call, slot, mark, hint)
        elif mark is None and _is_file(hint):
            self._file(call, shown, slot, parameter, hint, params.File())
        elif isinstance(mark, params.File):
            self._file(call, shown, slot, parameter, hint, mark)
        elif type(mark) in PLACES or (mark is None and one_value(hint)):
            self._value(call, shown, slot, parameter, hint, mark or params.Query())
        elif mark is None and hint is Request:
            self.requests.append(slot)
        elif mark is None and isinstance(hint, type) and issubclass(hint, BaseModel) and call is self.endpoint:
            self.bodies[name] = hint
        else:
            self._refuse(call, f"{shown} {unsupported(hint, mark, self.template, of_route=call is self.endpoint)}.")
        return slot

    def _of_path(self, call: Any, shown: str, parameter: inspect.Parameter, hint: Any) -> str:
        name = parameter.name
        if parameter.default is not parameter.empty:
            self._refuse(call, f"{shown} has a default, but a path always has the value. Remove it.")
        elif self._of_placeholder.setdefault(name, hint) != hint:
            self._refuse(call, f"{shown} has another type than the same value of the path elsewhere. Write one type.")
        elif name not in self.path and (adapter := self._adapter(call, shown, hint)) is not None:
            self.path[name] = adapter
        return name

    def _depend(self, call: Any, slot: str, mark: params.Depends, hint: Any) -> str:
        dependency = get_args(hint)[0] if mark.dependency is None and hint is not None else mark.dependency
        if isinstance(mark, params.Security):
            self._refuse(
                call,
                f"{named(call)} depends by Security, whose scopes nothing checks. Write Depends, and declare the permission of the message.",
            )
        elif not isinstance(dependency, type) and isinstance(dependency, BodyResolver | Resolver):
            if call is not self.endpoint or not slot:
                self._refuse(call, f"{named(call)} depends on {named(dependency)}. Declare it as a parameter of the function of the route.")
            elif isinstance(dependency, BodyResolver):
                self.bodies[slot] = dependency
            else:
                self.resolvers.append((slot, dependency))
        elif not callable(dependency):
            self._refuse(call, f"{named(call)} depends on {dependency!r}, which is not callable. Write Depends(function).")
        elif dependency in self._open:
            self._refuse(call, f"{named(call)} depends on {named(dependency)}, which depends on it. Remove one of them.")
        elif mark.use_cache and (known := self._steps.get(_identity(dependency))) is not None:
            return known.slot
        else:
            return self._step(dependency)
        return slot

    def _step(self, dependency: Any) -> str:
        self._open.append(dependency)
        self._count += 1
        slot = f"/{self._count}"
        try:
            arguments = self._take(dependency, f"{slot}/")
        except ValueError:  # a callable that does not tell its parameters, such as a class of C
            self._refuse(
                self.endpoint,
                f"{named(self.endpoint)} depends on {named(dependency)}, which does not tell its parameters. Write a function.",
            )
            arguments = []
        self._open.pop()
        step = Step(slot=slot, call=dependency, arguments=arguments)
        self.steps.append(step)
        self._steps.setdefault(_identity(dependency), step)
        return step.slot

    def _value(self, call: Any, shown: str, slot: str, parameter: inspect.Parameter, hint: Any, mark: Any) -> None:
        place, name = PLACES[type(mark)], mark.alias or parameter.name
        if place == "header":
            name = (mark.alias or (parameter.name.replace("_", "-") if mark.convert_underscores else parameter.name)).lower()
        several = member_of(hint) is not None
        if not one_value(member_of(hint) if several else hint):
            self._refuse(call, f"{shown} {unsupported(hint, mark, self.template, of_route=call is self.endpoint)}.")
        elif several and place in ("header", "cookie"):
            self._refuse(call, f"{shown} is a list, but a {place} has one value. Write str, and split it.")
        elif place == "header" and name in TAKEN:
            self._refuse(call, f"{shown} is the header {name}, which something else reads. Declare {TAKEN[name]}.")
        elif place == "body" and call is not self.endpoint:
            self._refuse(call, f"{shown} is a field of a form. Declare it as a parameter of the function of the route.")
        elif self._is_plain(call, shown, mark) and (adapter := self._adapter(call, shown, hint)) is not None:
            validate, default = adapter.validate_python, _default(parameter, mark)
            value = Value(slot=slot, place=place, name=name, several=several, default=default, validate=validate)
            if place == "body":
                self.form.append(FormField(value=value, file=False, content=False))
            else:
                self.values.append(value)

    def _file(self, call: Any, shown: str, slot: str, parameter: inspect.Parameter, hint: Any, mark: Any) -> None:
        member = member_of(hint)
        kind = plain_type(optional(hint) if member is None else member)
        checked = hint if kind is bytes else _of_files(hint)
        if kind not in (UploadFile, bytes):
            self._refuse(call, f"{shown} is a file. Write UploadFile or bytes, or a list of them.")
        elif call is not self.endpoint:
            self._refuse(call, f"{shown} is a file. Declare it as a parameter of the function of the route.")
        elif self._is_plain(call, shown, mark) and (adapter := self._adapter(call, shown, checked)) is not None:
            name, default = mark.alias or parameter.name, _default(parameter, mark)
            value = Value(slot=slot, place="body", name=name, several=member is not None, default=default, validate=adapter.validate_python)
            self.form.append(FormField(value=value, file=True, content=kind is bytes))

    def _is_plain(self, call: Any, shown: str, mark: Any) -> bool:
        """Return whether the name and the default of a value are declared as a Router reads them."""
        if mark.default not in (PydanticUndefined, ...):
            self._refuse(call, f"{shown} has its default in {type(mark).__name__}. Write = {mark.default!r} after the annotation.")
        elif mark.validation_alias not in (None, mark.alias):
            self._refuse(call, f"{shown} has a validation_alias. Write alias=…, with one name.")
        else:
            return True
        return False

    def _adapter(self, call: Any, shown: str, hint: Any) -> TypeAdapter[Any] | None:
        try:
            return TypeAdapter(hint)
        except SchemaError:
            self._refuse(call, f"{shown} has a constraint that pydantic cannot compile. A pattern has no lookaround and no back-reference.")
            return None
        except (PydanticUserError, TypeError, ValueError, NameError):
            self._refuse(call, f"{shown} has a type that pydantic cannot read from text. Write one that it can, such as str, int or UUID.")
            return None


def _unaliased(hint: Any) -> Any:
    while isinstance(hint, TypeAliasType):
        hint = hint.__value__
    return hint


def _identity(dependency: Any) -> Any:
    """Return what a dependency is found by: itself, if it has a hash."""
    try:
        hash(dependency)
    except TypeError:
        return id(dependency)
    return dependency


def _marks(hint: Any) -> Sequence[Any]:
    """Return FastAPI's annotations of a type."""
    hint = _unaliased(hint)
    return [one for one in get_args(hint)[1:] if isinstance(one, _MARKS)] if get_origin(hint) is Annotated else []


def _default(parameter: inspect.Parameter, mark: Any) -> Callable[[], Any] | None:
    if parameter.default is not parameter.empty:
        return partial(copy, parameter.default)
    factory: Callable[[], Any] | None = mark.default_factory
    return factory


def _is_file(hint: Any) -> bool:
    member = member_of(hint)
    return plain_type(optional(hint) if member is None else member) is UploadFile


def _of_files(hint: Any) -> Any:
    """Return a type that checks only how many files of a list there are, as `File(max_length=…)` declares."""
    if member_of(hint) is None:
        return Any
    return Annotated[(list[Any], *get_args(hint)[1:])] if get_origin(hint) is Annotated else list[Any]


def _hinted(call: Any) -> Any:
    """Return what has the annotations of the parameters of a callable."""
    while isinstance(call, partial):
        call = call.func
    if isinstance(call, type):
        return call.__init__  # type: ignore[misc]  # whatever a subclass takes
    return call if inspect.isroutine(call) else call.__call__
