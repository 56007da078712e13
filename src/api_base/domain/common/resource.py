"""Plain resources: aggregates whose only rules are those of their fields, which `Annotated` declares (`Annotated[str, TextRule(max_length=200)]`).

A rule about several fields is in `ensure_valid`. A resource that records events of its own overrides `create` or `change`, and calls these by the
name of the base: a dataclass with slots has no `super()`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Protocol, Self, cast, runtime_checkable
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.errors import Conflict, Invalid, Violation
from api_base.domain.common.attributes import Attribute, attributes_of


@runtime_checkable
class Rule(Protocol):
    """What a field accepts, such as a `TextRule`."""

    def parse(self, value: Any, pointer: str, /) -> Any:
        """Return `value` as it is stored. Raises `Invalid` at `pointer`."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class Resource(AggregateRoot):
    """A resource that is deleted permanently. Its owner is the tenant in `tenant_id` or the user in `user_id`; without either, the system."""

    managed: ClassVar[frozenset[str]] = frozenset({"id", "version", "tenant_id", "user_id", "created_at", "updated_at", "deleted_at"})
    """The attributes that no caller sets."""

    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(cls, *, id: UUID, now: datetime, **values: Any) -> Self:
        """Create the resource from valid values: its owner, and those of a caller. Raises `Invalid`, and what `ensure_valid` raises."""
        made = cls(id=id, created_at=now, updated_at=now, **entered(cls, values))
        made.ensure_valid()
        return made

    def ensure_valid(self) -> None:
        """Raise for values that do not go together, for instance `RuleViolated`: called with each creation and change, before anything is stored."""

    def change(self, now: datetime, **changes: Any) -> bool:
        """Replace some values. Returns whether anything changed. Raises `Invalid`, and what `ensure_valid` raises."""
        values = entered(type(self), changes)
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self.updated_at = now
            self.ensure_valid()
        return bool(changed)


@dataclass(slots=True, kw_only=True, eq=False)
class RestorableResource(Resource):
    """A resource that can be restored after its deletion. Until then it is not changed."""

    deleted_at: datetime | None = None

    def change(self, now: datetime, **changes: Any) -> bool:
        """Replace some values. Returns whether anything changed. Raises as that of `Resource` does, and `Conflict` for a deleted resource."""
        self._refuse_deleted()
        return Resource.change(self, now, **changes)

    def delete(self, now: datetime) -> None:
        """Raises `Conflict` for a deleted resource."""
        self._refuse_deleted()
        self.deleted_at = self.updated_at = now

    def restore(self, now: datetime) -> None:
        """Raises `Conflict` for a resource that is not deleted."""
        if self.deleted_at is None:
            raise Conflict("The resource is not deleted, so it cannot be restored.")
        self.deleted_at, self.updated_at = None, now

    def _refuse_deleted(self) -> None:
        if self.deleted_at is not None:
            raise Conflict("The resource is deleted. Restore it first.")


def entered(cls: object, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` in the form in which they are stored. Raises `Invalid` with all violations, in the order of the fields."""
    entered: dict[str, Any] = {}
    violations: list[Violation] = []
    for name in [name for name in _rules(cls) if name in values]:
        try:
            entered[name] = None if values[name] is None else _parsed(cls, name, values[name])
        except Invalid as error:
            violations += error.violations
    if violations:
        raise Invalid(violations)
    return entered


def _parsed(cls: object, name: str, value: Any) -> Any:
    for rule in _rules(cls)[name]:
        value = rule.parse(value, f"/{name}")
    return value


@cache
def _rules(cls: object) -> Mapping[str, tuple[Rule, ...]]:
    return {name: rules_of(attribute) for name, attribute in attributes_of(cast("type[Resource]", cls)).items()}


def rules_of(attribute: Attribute) -> tuple[Rule, ...]:
    """Return the rules that `Annotated` adds to a field."""
    return tuple(one for one in attribute.notes if isinstance(one, Rule))


def own_attributes(cls: type[Resource]) -> Mapping[str, Attribute]:
    """Return the fields that a caller sets."""
    return {name: one for name, one in attributes_of(cls).items() if name not in cls.managed}
