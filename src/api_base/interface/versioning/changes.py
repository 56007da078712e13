"""What a version changed, declared once: DTOs, bodies, lists, pointers and exports of the older versions follow from it.

A change is written from the newest shape, which is the code. `show` makes the older fields of what the code returns; `read` makes the newest ones of
what a client of the older version sent: of a merge patch, only what it sent.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from api_base.application.common.listing import Field, Sort
from api_base.core.errors import Invalid, ProgrammingError
from api_base.core.shared.places import Declaration
from api_base.core.shared.signatures import takes
from api_base.domain.common.specification import FieldSpecification, IncomparableValue
from api_base.interface.errors.problem import pointer
from api_base.interface.routes.versions import Version

type Values = Mapping[str, Any]
type Comparison = FieldSpecification[Any]


@dataclass(frozen=True, slots=True)
class Change(Declaration, ABC):
    """In `version`, fields of the classes `of`, which are DTOs and bodies, changed."""

    version: Version
    of: Sequence[type]

    @property
    @abstractmethod
    def newer(self) -> Sequence[str]:
        """Return the names of the fields since `version`."""
        ...

    @property
    @abstractmethod
    def older(self) -> Sequence[str]:
        """Return the names of the fields that were in their place before."""
        ...

    @abstractmethod
    def types(self, newer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the types of the older fields, by name. `newer` are those of the newer ones."""
        ...

    @abstractmethod
    def shown(self, newer: Values) -> Values:
        """Return the older values of the newer ones, by name."""
        ...

    @abstractmethod
    def asked(self, older: Values, newer: Mapping[str, Any]) -> Values:
        """Return the newer values of the older ones that were sent, by name. `newer` are the types of the newer fields.

        Raises `Invalid` with pointers that start at a newer field.
        """
        ...

    def mistake(self, newer: Mapping[str, Any]) -> str | None:
        """Return what is wrong with the declaration, as the rest of a sentence, or None. `newer` are the types of the newer fields."""
        return None

    def exact(self, newer: Mapping[str, Any]) -> bool:
        """Return whether a value that is sent back as it was shown leaves the newer one as it is. `newer` are the types of the newer fields."""
        return False

    def maker(self, name: str) -> Callable[..., Any]:
        """Return the function that makes the older field `name` of the newer values, in their order. Each result of a page calls it."""
        newer = self.newer
        return lambda *values: self.shown(dict(zip(newer, values, strict=True)))[name]

    def located(self, steps: Sequence[str]) -> list[str]:
        """Return what a pointer of the newer shape names in the older one. The first of `steps` is a newer field."""
        return [self.older[0], *steps[1:]]

    def fields(self, declared: Sequence[Field]) -> list[Field]:
        """Return the fields by which a list of the older version filters and sorts."""
        return [one for one in declared if one.name.partition(".")[0] not in self.newer]

    def comparisons(self, one: Comparison, newer: Mapping[str, Field]) -> Sequence[Comparison]:
        """Return the comparisons in the newer version, whose fields are `newer`, that together say what `one` says in the older."""
        return [one]

    def sorts(self, one: Sort) -> Sequence[Sort]:
        """Return the sorts in the newer version that together order as `one` orders in the older."""
        return [one]


@dataclass(frozen=True, slots=True)
class Renamed(Change):
    """`was` is called `now`: `Renamed(V2, (TicketDTO, CreateTicketBody), "subject", "title")`."""

    was: str
    now: str

    @property
    def newer(self) -> Sequence[str]:
        return (self.now,)

    @property
    def older(self) -> Sequence[str]:
        return (self.was,)

    def types(self, newer: Mapping[str, Any]) -> Mapping[str, Any]:
        return {self.was: newer[self.now]}

    def shown(self, newer: Values) -> Values:
        return {self.was: newer[self.now]}

    def asked(self, older: Values, newer: Mapping[str, Any]) -> Values:
        return {self.now: older[self.was]}

    def exact(self, newer: Mapping[str, Any]) -> bool:
        return True

    def fields(self, declared: Sequence[Field]) -> list[Field]:
        return [
            replace(one, name=_moved(one.name, self.now, self.was), needs=one.needs and _moved(one.needs, self.now, self.was))
            for one in declared
        ]

    def comparisons(self, one: Comparison, newer: Mapping[str, Field]) -> Sequence[Comparison]:
        return [FieldSpecification(_moved(one.field, self.was, self.now), one.operator, one.value)]

    def sorts(self, one: Sort) -> Sequence[Sort]:
        return [replace(one, field=_moved(one.field, self.was, self.now))]


@dataclass(frozen=True, slots=True)
class Replaced(Change):
    """`was`, of `type`, became `now`. `show` returns the older value of the newer one, `read` the newer value of one that was sent.

    `read` raises `ValueError` with what is wrong with a value. A field that no body of `of` has needs no `read`. Lists of the older version
    neither filter nor sort by it, but by what they have both of.
    """

    was: str
    now: str
    type: Any
    show: Callable[[Any], Any]
    read: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        Declaration.__post_init__(self)
        body = next((cls for cls in self.of if issubclass(cls, BaseModel)), None)
        if body is not None and self.read is None:
            raise ProgrammingError(
                f"{body.__name__} is a body, whose {self.was!r} clients send. Write read=…, which returns {self.now!r} of it."
            )

    @property
    def newer(self) -> Sequence[str]:
        return (self.now,)

    @property
    def older(self) -> Sequence[str]:
        return (self.was,)

    def types(self, newer: Mapping[str, Any]) -> Mapping[str, Any]:
        return {self.was: self.type}

    def mistake(self, newer: Mapping[str, Any]) -> str | None:
        given = {"show": self.show} if self.read is None else {"show": self.show, "read": self.read}
        wrong = next((name for name, function in given.items() if not takes(function, None)), None)
        return wrong and f"has a {wrong} that does not take one value"

    def shown(self, newer: Values) -> Values:
        return {self.was: self.show(newer[self.now])}

    def maker(self, name: str) -> Callable[..., Any]:
        return self.show

    def asked(self, older: Values, newer: Mapping[str, Any]) -> Values:
        if self.read is None:
            return {}
        with refusing(self.now):
            return {self.now: self.read(older[self.was])}


@contextmanager
def refusing(*steps: str) -> Iterator[None]:
    """Refuse a value with what is wrong with it, at the pointer along `steps`."""
    try:
        yield
    except (ValueError, IncomparableValue) as error:
        raise Invalid.of(pointer(*steps), "value", str(error)) from None


def located(changes: Iterable[Change], steps: Sequence[str]) -> list[str]:
    """Return where the steps of a pointer, the first of which is a field, lead before `changes`, the newest first."""
    found = [*steps]
    for change in changes:
        if found and found[0] in change.newer:
            found = change.located(found)
    return found


def _first(several: Sequence[Any]) -> Any:
    return several[0] if several else None


@dataclass(frozen=True, slots=True)
class FirstOf(Replaced):
    """`was` became the first of the list `now`: pointers into one of the list are pointers into `was`.

    `read` must keep the others, which the older version does not see: for a merge patch, it returns what changes the first only.
    """

    show: Callable[[Any], Any] = _first

    def exact(self, newer: Mapping[str, Any]) -> bool:
        return True  # the contract of `read`

    def located(self, steps: Sequence[str]) -> list[str]:
        return [self.was, *steps[2:]]


def _moved(name: str, before: str, after: str) -> str:
    """Return a name, which may be dotted, with `after` in place of its first part `before`."""
    first, dot, rest = name.partition(".")
    return f"{after}{dot}{rest}" if first == before else name
