"""The DTOs and bodies of an older version: classes made of the newest ones, and the values of each as the other."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, make_dataclass, replace
from types import NoneType
from typing import Any, Final, TypeAliasType, get_args, get_origin, get_type_hints

from pydantic import BaseModel, PydanticUserError, RootModel, create_model
from pydantic.fields import FieldInfo

from api_base.core.errors import Invalid, ProgrammingError, Violation
from api_base.interface.errors.problem import ProblemDocument
from api_base.interface.routes.type_parts import arguments_of, classes_in, inside, origin_of, set_types, with_arguments
from api_base.interface.routes.unfinished_models import UnfinishedModels
from api_base.interface.versioning.bodies import OlderBody
from api_base.interface.versioning.changes import Change, Renamed
from api_base.interface.versioning.fields import Body, dto_default, of_body, of_both, of_dto
from api_base.interface.versioning.readers import reader

type Located = Callable[[str], str]
"""Returns a pointer of the newest shape as one of the older shape."""


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
    """The shapes before `changes`, which are those of all later versions, the newest first. `of` makes classes, so it is called by one thread at a time;
    `asked` of what it returned is safe in others.

    `both`: bodies have the newest fields beside the older ones, for clients of GraphQL, which has no versions.
    """

    def __init__(self, changes: Sequence[Change], *, both: bool = False) -> None:
        self._both = both
        self._changes: dict[type, list[Change]] = {}
        for change in changes:
            for cls in change.of:
                self._changes.setdefault(cls, []).append(change)
        self._made: dict[Any, Any] = {}
        self._touched: dict[Any, bool] = {}
        self._unfinished = UnfinishedModels()
        self._aliases = set[TypeAliasType]()
        self._results: dict[type, _Result | None] = {}
        self._bodies: dict[type, OlderBody] = {}

    def of(self, hint: Any) -> Any:
        """Return a type in the older shape; itself if nothing in it changed."""
        if not self._touches(hint):
            return hint
        try:
            known = self._made.get(hint)
        except TypeError:  # annotated with what has no hash
            return self._type(hint)
        if isinstance(hint, TypeAliasType) and hint in self._aliases:
            raise ProgrammingError(f"The type {hint} contains itself, and versions changed a class in it. Write a class in its place.")
        if known is None:
            known = self._type(hint)
            if not self._unfinished:
                self._made[hint] = known
        return known

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
        for cls in classes_in(hint):
            yield from self.changes_of(cls)

    def changes_of(self, cls: Any) -> Sequence[Change]:
        """Return the changes of a class, the newest first."""
        return self._changes.get(cls) or self._changes.get(origin_of(cls)) or ()

    def replaced(self, model: type[BaseModel]) -> Mapping[str, Sequence[str]]:
        """Return the older fields of a body that `of` returned, with the newer ones that are in their place."""
        plan = self._bodies.get(model)
        return {} if plan is None else {name: change.newer for change, _ in plan.changes for name in change.older}

    def inexact(self, model: type[BaseModel]) -> Mapping[str, Collection[str]]:
        """Return the fields of a body that `of` returned, or of a subclass, whose values are shown for several newer ones, with the newest fields."""
        plan = self._plan(model)
        return {} if plan is None else plan.inexact

    def newest(self, model: type[BaseModel]) -> type[BaseModel]:
        """Return the newest body of one that `of` returned, or of a subclass; the class itself if it did not change."""
        plan = self._plan(model)
        return model if plan is None else plan.cls

    def _touches(self, hint: Any) -> bool:
        """Return whether anything in a type changed."""
        if not self._changes or hint in (None, NoneType):
            return False
        try:
            known = self._touched.get(hint)
        except TypeError:
            return next(self.changes_in(hint), None) is not None
        if known is None:
            within = [*classes_in(hint)]
            known = self._touched[hint] = any(map(self.changes_of, within))
            for cls in () if known else within:
                self._results.setdefault(cls, None)  # it is no object of a class that it derives from
        return known

    def _type(self, hint: Any) -> Any:
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            return self._unfinished.reference(hint) or self._unfinished.made(hint, lambda: self._model(hint))
        cls = get_origin(hint) or hint
        if isinstance(cls, type) and is_dataclass(cls):
            return self._dto(hint, cls, get_args(hint))
        if not isinstance(hint, TypeAliasType):
            return inside(hint, self.of)
        self._aliases.add(hint)
        try:
            return inside(hint, self.of)
        finally:
            self._aliases.remove(hint)

    def _dto(self, hint: Any, cls: Any, arguments: Sequence[Any]) -> Any:
        given = arguments_of(cls, arguments)
        hints = get_type_hints(cls, include_extras=True)
        newest = {one.name: (hints[one.name], one) for one in fields(cls)}
        shape: Mapping[str, tuple[Any, Any]] = newest
        for change in self.changes_of(cls):
            shape = of_dto(change, shape)
        own = [name for name, (of, _) in shape.items() if self._touches(of)]
        generic = [name for name, (of, _) in shape.items() if of is not with_arguments(of, given)]
        if shape is newest and not own:  # Page[ItemDTO]: the class stays, with other arguments
            self._results[cls] = _Result(nested=[*enumerate(generic)])
            return cls[tuple(self.of(one) for one in arguments)]
        name = "_".join([cls.__name__, *(getattr(one, "__name__", "") for one in arguments)]) + "_" * bool(arguments)
        made: list[Any] = [(name, Any, dto_default(one)) for name, (_, one) in shape.items()]
        older = make_dataclass(name, made, kw_only=True, slots=True, eq=False, namespace={"__doc__": cls.__doc__}, module=cls.__module__)
        self._made[hint] = older  # before the types of its fields: a class may contain itself
        set_types(older, {name: self.of(with_arguments(of, given)) for name, (of, _) in shape.items()})
        places = list(enumerate(shape))
        self._results[cls] = _Result(
            make=make_dataclass(cls.__name__, [*shape], slots=True, eq=False),  # without names and defaults, which take longer
            read=reader([*newest], [*shape], self.changes_of(cls)),
            nested=[place for place in places if place[1] in {*own, *generic}],
            problems=[number for number, name in places if _holds_problem(shape[name][0])],
        )
        return older

    def _model(self, model: type[BaseModel]) -> type[BaseModel]:
        model.model_rebuild()  # or a class that is defined below has no type yet
        shape: Body = {name: (one.annotation, one) for name, one in model.model_fields.items()}
        changes = list[tuple[Change, Mapping[str, Any]]]()
        for change in self._beside(model) if self._both else self.changes_of(model):
            changes.append((change, {name: shape[name][0] for name in change.newer}))
            shape = of_both(change, shape) if self._both else of_body(change, shape)
        nested = [name for name, (hint, _) in shape.items() if self._touches(hint)]
        members = {name: (self.of(hint), _under(name, one, model)) for name, (hint, one) in shape.items()}
        try:
            made = _made_of(model, members)
        except PydanticUserError as error:  # such as a discriminator that has another name
            raise ProgrammingError(f"{model.__name__} cannot have the shape of an older version: {error.message}") from None
        self._made[model] = made
        changes.reverse()
        self._bodies[made] = OlderBody(cls=model, names=tuple(shape), changes=changes, nested=nested)
        return made

    def _beside(self, model: type[BaseModel]) -> Iterator[Change]:
        """Yield the changes whose older fields can be beside the newer ones: their names mean nothing else, and what they became is there."""
        taken, same = {*model.model_fields}, {*model.model_fields}  # names that are used, and those that mean the same as in this version
        for change in self.changes_of(model):
            if {*change.older} == {*change.newer}:
                continue
            apart = taken.isdisjoint(change.older) and same.issuperset(change.newer)
            same -= {*change.newer, *change.older}
            if apart:
                taken |= {*change.older}
                same |= {*change.older}
                yield change

    def shown(self, value: Any, located: Located) -> Any:
        """Return a result in the older shape."""
        try:
            plan = self._results[type(value)]
        except KeyError:
            plan = self._results[type(value)] = self._result(type(value))
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

    def _result(self, cls: type) -> _Result | None:
        """Return how results of a class are shown: those of one that derives from a class that changed as that one."""
        for known in (True, False):
            for one in cls.__mro__:
                if not known:
                    self.of(one)
                if one in self._results:
                    return self._results[one]
        return None

    def _plan(self, cls: type) -> OlderBody | None:
        return next((self._bodies[one] for one in cls.__mro__ if one in self._bodies), None)

    def asked(self, value: Any, *path: str) -> Any:
        """Return what was sent in the older shape as a body of the newest one. Raises `Invalid` with pointers to what was sent, below `path`."""
        if isinstance(value, list | tuple):
            return [self.asked(one, *path, str(number)) for number, one in enumerate(value)]
        if isinstance(value, Mapping):
            return {name: self.asked(one, *path, name) for name, one in value.items()}
        plan = self._plan(type(value))
        if plan is None:
            return value
        if isinstance(value, RootModel):
            return plan.cls.model_validate(self.asked(value.root, *path), strict=False)
        sent = {name: getattr(value, name) for name in plan.names if name in value.model_fields_set}
        for name in plan.nested:
            if name in sent:
                sent[name] = self.asked(sent[name], *path, name)
        return plan.newest(sent, path, either=self._both)


def _made_of(model: type[BaseModel], members: dict[str, Any]) -> type[BaseModel]:
    """Return a model like another one, with these types and fields."""
    more: dict[str, Any] = {"__doc__": model.__doc__, "__module__": model.__module__}
    if issubclass(model, RootModel):
        base: Any = RootModel
        members, more["__base__"] = {}, base[members["root"][0]]
    else:
        more["__config__"] = model.model_config
    made: type[BaseModel] = create_model(model.__name__, **more, **members)
    return made


def _under(name: str, one: FieldInfo, model: type[BaseModel]) -> FieldInfo:
    """Return a field for an older body, without the alias of a newer name."""
    found = copy(one)
    if name not in model.model_fields:
        found.alias = found.validation_alias = found.serialization_alias = None
        found._attributes_set = {key: value for key, value in found._attributes_set.items() if not key.endswith("alias")}
    return found


def _holds_problem(hint: Any) -> bool:
    return hint is ProblemDocument or any(map(_holds_problem, get_args(hint)))


def _problem(document: Mapping[str, Any] | None, located: Located) -> Mapping[str, Any] | None:
    if document is None or "errors" not in document:
        return document
    moved = [{**one, "pointer": located(one["pointer"])} for one in document["errors"]]
    if moved == document["errors"]:
        return document
    detail = str(Invalid([Violation(one["pointer"], one["code"], one["message"]) for one in moved]))
    return {**document, "detail": detail, "errors": moved}


NEWEST: Final = Shapes(())
"""Those of the newest version, which are the classes themselves."""


def shapes_of(changes: Sequence[Change], number: int | None) -> Shapes:
    """Return the shapes of a version. `changes` are those of all versions, the newest first. None is the newest version."""
    return NEWEST if number is None else Shapes([one for one in changes if one.version.number > number])
