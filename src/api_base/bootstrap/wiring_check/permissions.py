"""Permissions and roles: each permission that anything requires is declared, by one context, for roles that exist."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC
from api_base.bootstrap.context import Context
from api_base.bootstrap.declarations import Declarations
from api_base.core.errors import Fault
from api_base.core.shared.places import place_of
from api_base.domain.tenants.entities import Role
from api_base.infrastructure.rbac.checker import PLATFORM_ADMIN

ROLES: Final = frozenset({*Role, PLATFORM_ADMIN})
_ADD: Final = "Add it to the permissions of a Context, with its roles."


def faults(declarations: Declarations) -> Iterator[Fault]:
    """Yield the faults of declared permissions, then the undeclared permissions of messages and attachables."""
    contexts = [one.context for one in declarations.parts]
    yield from _declared(contexts)
    known = {PUBLIC, AUTHENTICATED, *(name for context in contexts for name in context.permissions)}
    for registration in declarations.sound_registrations:
        message = registration.message
        if message.permission not in known:
            yield Fault(
                place_of(message), f"{message.__name__} requires the permission {message.permission!r}, which no context declares. {_ADD}"
            )
    for one in [one for context in contexts for one in context.attachable]:
        if one.permission not in known:
            yield Fault(
                one.declared_at,
                f"The attachable {one.kind!r} requires the permission {one.permission!r}, which no context declares. {_ADD}",
            )


def _declared(contexts: Sequence[Context]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for context in contexts:
        place = context.declared_at
        for name, roles in context.permissions.items():
            if name in (PUBLIC, AUTHENTICATED):
                yield Fault(place, f"The permission {name!r} has a fixed meaning. Rename it, such as {context.name}:read.")
            if name in first:
                yield Fault(place, f"Two contexts declare the permission {name!r}, the first at {first[name]}. Rename one of them.")
            first.setdefault(name, place)
            for role in sorted(_names(roles) - ROLES):
                yield Fault(
                    place,
                    f"The permission {name!r} is for the role {role!r}, which does not exist. Write a set of {', '.join(sorted(ROLES))}.",
                )


def _names(roles: object) -> set[str]:
    """Return the roles of a declaration; a text is one name, not a set of letters."""
    return {roles} if isinstance(roles, str) else {str(role) for role in roles} if isinstance(roles, Iterable) else {str(roles)}
