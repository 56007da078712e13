"""Permissions by role."""

import pytest

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC
from api_base.core.errors import Forbidden, ProgrammingError, Unauthenticated
from api_base.infrastructure.rbac.checker import RolePermissionChecker
from tests.factories.auth import principal

CHECKER = RolePermissionChecker(
    {
        "items:read": frozenset({"owner", "viewer"}),
        "items:delete": frozenset({"owner"}),
        "platform:users": frozenset({"platform_admin"}),
        "items:audit": frozenset({"owner", "platform_admin"}),
    }
)


@pytest.mark.parametrize(
    ("role", "admin", "expected"),
    [
        ("owner", False, {"items:read", "items:delete", "items:audit"}),
        ("viewer", False, {"items:read"}),
        ("viewer", True, {"items:read", "platform:users", "items:audit"}),
        (None, True, {"platform:users", "items:audit"}),
        (None, False, set()),
        ("stranger", False, set()),
        ("stranger", True, {"platform:users", "items:audit"}),
        ("platform_admin", False, set()),
    ],
)
def test_permissions_of_a_role(role: str | None, admin: bool, expected: set[str]) -> None:
    assert CHECKER.permissions_of(role, admin) == expected


def test_who_holds_it_may_and_who_does_not_may_not() -> None:
    viewer = principal(permissions=CHECKER.permissions_of("viewer", False))
    CHECKER.check(viewer, "items:read")
    with pytest.raises(Forbidden, match="items:delete"):
        CHECKER.check(viewer, "items:delete")


def test_nobody_may_only_what_is_public() -> None:
    CHECKER.check(None, PUBLIC)
    for permission in (AUTHENTICATED, "items:read"):
        with pytest.raises(Unauthenticated):
            CHECKER.check(None, permission)
    CHECKER.check(principal(), AUTHENTICATED)


def test_a_permission_that_nobody_declared_is_the_codes_fault() -> None:
    with pytest.raises(ProgrammingError, match="items:raed"):
        CHECKER.check(principal(), "items:raed")
