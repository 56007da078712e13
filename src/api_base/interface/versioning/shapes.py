"""The DTOs and bodies of an older version: classes made of the newest ones, and the values of each as the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, make_dataclass, replace
from types import NoneType
from typing import Any, Final, TypeAliasType, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError, create_model

from api_base.core.errors import Invalid, ProgrammingError, Violation
from api_base.interface.errors.handlers import invalid_of
from api_base.interface.errors.problem import ProblemDocument
from api_base.interface.routes.type_parts import inside
from api_base.interface.routes.unknown_members import models_in
from api_base.interface.versioning.changes import Change, Renamed
from api_base.interface.versioning.fields import Body, dto_default, of_body, of_both, of_dto
from api_base.interface.versioning.readers import reader

_PARTS: Final = frozenset({"query", "path", "header", "cookie"})

type Located = Callable[[str], str]
"""Returns a pointer of the newest shape as one of the older shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """How a body of one class becomes one of `cls`. `nested` are the fields that have converted values."""

    cls: type[BaseModel]
    names: Sequence[str]
    changes: Sequence[Change]
    nested: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """How a result of one class is shown: `make` takes the values of its fields, in order, which `read` returns. None for a class that stays.

    `nested` are the positions of those that are converted, with the names of the fields, `problems` those of problems.
    """

    make: Callable[..., Any] | None = None
    read: Callable[[Any], list[Any]] = list
    nested: Sequence[tuple[int, str]]
    problems: Sequence[int] = ()


class Shapes:
    """The shapes before `changes`, which are those of all later versions, the newest first.

    `both`: bodies have the newest fields beside the older ones, for clients of GraphQL, which has no versions.
    """

    def __init__(self, changes: Sequence[Change], *, both: bool = False) -> None:
        self._both = both
        self._changes: dict[type, list[Change]] = {}
        for change in changes:
            for cls in change.of:
                self._changes.setdefault(cls, []).append(change)
        self._made: dict[Any, Any] = {}
        self._results: dict[type, _Result] = {}
        self._bodies: dict[type, _Body] = {}

    def of(self, hint: Any) -> Any:
        """Return a type in the older shape; itself if nothing in it changed."""
        if not self._changes or hint in (None, NoneType):
            return hint
        try:
            known = self._made.get(hint)
        except TypeError:  # annotated with what has no hash
            known = self._type(hint)
        if known is None:
            self._made[hint] = hint  # a class may contain itself
            known = self._made[hint] = self._type(hint)
        return hint if known == hint else known

    def older_name(self, result: Any, name: str) -> str:
        """Return what a result calls its field `name`. Raises `ProgrammingError` if it does not have it under any name."""
        for change in self.changes_of(result):
            if name in change.newer:
                if not isinstance(change, Renamed):
                    raise ProgrammingError(
                        f"Version {change.version.number} changed {name!r} of {result.__name__}, by which routes locate it. Only its name may change."
                    )
                name = change.was
        return name

    def changes_in(self, hint: Any) -> Iterator[Change]:
        """Yield the changes of all classes in a type."""
        waiting, seen = [hint], set[int]()
        while waiting:
            one = waiting.pop()
            cls = get_origin(one) or one
            waiting += get_args(one)
            if isinstance(one, TypeAliasType):
                waiting.append(one.__value__)
            elif isinstance(cls, type) and id(cls) not in seen:
                seen.add(id(cls))
                yield from self.changes_of(cls)
                if is_dataclass(cls) or issubclass(cls, BaseModel):
                    waiting += get_type_hints(cls, include_extras=True).values()

    def changes_of(self, cls: Any) -> Sequence[Change]:
        """Return the changes of a class, the newest first."""
        return self._changes.get(cls, ())

    def replaced(self, model: type[BaseModel]) -> Mapping[str, Sequence[str]]:
        """Return the older fields of a body that `of` returned, with the newer ones that are in their place."""
        plan = self._bodies.get(model)
        return {} if plan is None else {name: change.newer for change in plan.changes for name in change.older}

    def _type(self, hint: Any) -> Any:
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            return self._model(hint)
        cls = get_origin(hint) or hint
        if isinstance(cls, type) and is_dataclass(cls):
            return self._dto(hint, cls, get_args(hint))
        return inside(hint, self.of)

    def _dto(self, hint: Any, cls: Any, arguments: Sequence[Any]) -> Any:
        hints = get_type_hints(cls, include_extras=True)
        newest = {one.name: (hints[one.name], one) for one in fields(cls)}
        if arguments:  # Page[ItemDTO]: the class stays, with other arguments
            parts = tuple(self.of(one) for one in arguments)
            generic = [name for name, (of, _) in newest.items() if _generic(of)]
            if parts == tuple(arguments):
                return hint
            self._results[cls] = _Result(nested=[*enumerate(generic)])
            return cls[parts]
        shape = newest
        for change in self.changes_of(cls):
            shape = of_dto(change, shape)
        nested = [name for name, (of, _) in shape.items() if self.of(of) is not of]
        if shape is newest and not nested:
            return cls
        made: list[Any] = [(name, self.of(of), dto_default(one)) for name, (of, one) in shape.items()]
        namespace = {"__doc__": cls.__doc__, "__module__": cls.__module__}
        older = make_dataclass(cls.__name__, made, kw_only=True, slots=True, eq=False, namespace=namespace)
        plain = make_dataclass(cls.__name__, [*shape], slots=True, eq=False)  # without names and defaults, which take longer
        read = reader([*newest], [*shape], self.changes_of(cls))
        places = list(enumerate(shape))
        self._results[cls] = _Result(
            make=plain,
            read=read,
            nested=[place for place in places if place[1] in nested],
            problems=[number for number, name in places if _holds_problem(shape[name][0])],
        )
        return older

    def _model(self, model: type[BaseModel]) -> type[BaseModel]:
        newest = {name: (one.annotation, one) for name, one in model.model_fields.items()}
        shape: Body = newest
        changes = [one for one in self.changes_of(model) if not self._both or not {*one.older} & {*one.newer}]
        for change in changes:
            shape = of_both(change, shape) if self._both else of_body(change, shape)
        nested = [name for name, (hint, _) in shape.items() if self.of(hint) is not hint]
        if shape is newest and not nested:
            return model
        members: dict[str, Any] = {name: (self.of(hint), copy(one)) for name, (hint, one) in shape.items()}
        made: type[BaseModel] = create_model(
            model.__name__, __config__=model.model_config, __doc__=model.__doc__, __module__=model.__module__, **members
        )
        self._bodies[made] = _Body(cls=model, names=tuple(shape), changes=changes[::-1], nested=nested)
        return made

    def shown(self, value: Any, located: Located) -> Any:
        """Return a result in the older shape."""
        plan = self._results.get(type(value))
        if plan is None:
            if isinstance(value, list | tuple):
                return [self.shown(one, located) for one in value]
            if isinstance(value, Mapping):
                return {name: self.shown(one, located) for name, one in value.items()}
            return value
        if plan.make is None:
            return replace(value, **{name: self.shown(getattr(value, name), located) for _, name in plan.nested})
        values = plan.read(value)
        for number, _ in plan.nested:
            values[number] = self.shown(values[number], located)
        for number in plan.problems:
            values[number] = _problem(values[number], located)
        return plan.make(*values)

    def asked(self, value: Any) -> Any:
        """Return what was sent in the older shape as a body of the newest one. Raises `Invalid` with pointers into that."""
        if isinstance(value, list | tuple):
            return [self.asked(one) for one in value]
        plan = next((self._bodies[cls] for cls in type(value).__mro__ if cls in self._bodies), None)
        if plan is None:
            return value
        sent = {name: getattr(value, name) for name in plan.names if name in value.model_fields_set}
        for name in plan.nested:
            if name in sent:
                sent[name] = self.asked(sent[name])
        for change in plan.changes:
            given = {name: sent.pop(name) for name in change.older if name in sent}
            if given:
                newer = change.asked(given)
                if twice := [name for name in newer if name in sent]:
                    raise Invalid.of(
                        f"/body/{next(iter(given))}",
                        "twice",
                        f"is the older form of {twice[0]}, which was sent as well. Send {twice[0]} only",
                    )
                sent |= newer
        try:
            return plan.cls.model_validate(sent, strict=False, by_name=True)
        except ValidationError as error:
            raise invalid_of(error, "body") from None

    def example(self, value: Any, models: Sequence[type[BaseModel]]) -> Any:
        """Return an example of a body of one of `models`, as JSON, in the older shape."""
        if isinstance(value, list):
            return [self.example(one, models) for one in value]
        owner = next((one for one in models if isinstance(value, Mapping) and value.keys() <= one.model_fields.keys()), None)
        if owner is None:
            return value
        values = {name: self.example(one, models_in(owner.model_fields[name].annotation)) for name, one in value.items()}
        for change in self.changes_of(owner):
            if all(name in values for name in change.newer):
                values |= change.shown({name: values.pop(name) for name in change.newer})
        return values

    def located(self, error: Invalid, body: type[BaseModel] | None) -> Invalid:
        """Return the same violations, at what the older shape of `body` has in their place."""
        return Invalid([Violation(self.pointer(one.pointer, body), one.code, one.message) for one in error.violations])

    def pointer(self, pointer: str, body: type[BaseModel] | None) -> str:
        """Return a pointer of the newest shape as one of the older shape."""
        _, *steps = pointer.split("/")
        if not steps or steps[0] in _PARTS or body is None:
            return pointer
        before = steps[:1] if steps[0] == "body" else []
        return "/".join(["", *before, *self._steps(steps[len(before) :], (body,))])

    def _steps(self, steps: Sequence[str], models: Sequence[type[BaseModel]]) -> Sequence[str]:
        if not steps or not models:
            return steps
        step, rest = steps[0], steps[1:]
        if step.isdigit():
            return [step, *self._steps(rest, models)]
        owner = next((one for one in models if step in one.model_fields), None)
        if owner is None:  # the errors of a batch leave out a level: the field of the operation that has the values
            inner = [one for model in models for field in model.model_fields.values() for one in models_in(field.annotation)]
            owner = next((one for one in inner if step in one.model_fields), None)
        if owner is None:
            return steps
        path = [step, *self._steps(rest, models_in(owner.model_fields[step].annotation))]
        for change in self.changes_of(owner):
            if path[0] in change.newer:
                path = change.located(path)
        return path


def _generic(hint: Any) -> bool:
    return isinstance(hint, TypeVar) or bool(getattr(hint, "__parameters__", ()))


def _holds_problem(hint: Any) -> bool:
    return hint is ProblemDocument or any(map(_holds_problem, get_args(hint)))


def _problem(document: Mapping[str, Any] | None, located: Located) -> Mapping[str, Any] | None:
    if document is None or "errors" not in document:
        return document
    moved = [{**one, "pointer": located(one["pointer"])} for one in document["errors"]]
    return {**document, "errors": moved}
