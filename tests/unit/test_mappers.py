"""The mappings of the built-in contexts: an aggregate survives the way to its row and back."""

from dataclasses import fields
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from api_base.core.base import AggregateRoot
from api_base.core.types import Language, TenantId, UserId
from api_base.domain.auth.device import Device
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Role
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.registration import Registration
from api_base.infrastructure.auth.repository import DEVICE_MAPPING
from api_base.infrastructure.auth.repository import MAPPING as SESSION_MAPPING
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.tenants.mapper import INVITATION_MAPPING, MEMBERSHIP_MAPPING, TENANT_MAPPING
from api_base.infrastructure.users.mapper import MAPPING as USER_MAPPING
from api_base.infrastructure.users.mapper import REGISTRATION_MAPPING, RESET_MAPPING
from tests.factories.auth import NOW, session
from tests.factories.tenants import membership, tenant
from tests.factories.users import user

ADDRESS: Final = EmailAddress("ada@example.com")
END: Final = NOW + timedelta(hours=1)


def registration() -> Registration:
    return Registration(id=uuid4(), email=ADDRESS, name="Ada", language=Language.PT, created_at=NOW, expires_at=END, used_at=END)


def invitation() -> Invitation:
    ids = {"id": uuid4(), "tenant_id": TenantId(uuid4()), "invited_by": UserId(uuid4())}
    return Invitation(**ids, email=ADDRESS, role=Role.ADMIN, language=Language.PT, created_at=NOW, expires_at=END, accepted_at=END)


CASES: Final[list[tuple[TableMapping[Any], AggregateRoot]]] = [
    (SESSION_MAPPING, session()[0]),
    (DEVICE_MAPPING, Device.first_seen(user_id=UserId(uuid4()), user_agent="curl", address="203.0.113.7", now=NOW)),
    (TENANT_MAPPING, tenant(slug="chairs")),
    (MEMBERSHIP_MAPPING, membership(uuid4(), role=Role.OWNER)),
    (INVITATION_MAPPING, invitation()),
    (USER_MAPPING, user(platform_admin=True)),
    (REGISTRATION_MAPPING, registration()),
    (RESET_MAPPING, PasswordReset.begin(id=uuid4(), user_id=UserId(uuid4()), now=NOW)),
]
READ_ONLY: Final[dict[str, dict[str, object]]] = {"user": {"platform_admin": True}}
"""Columns that a repository reads from other tables."""


@pytest.mark.parametrize(("mapping", "aggregate"), CASES, ids=[mapping.entity for mapping, _ in CASES])
def test_an_aggregate_is_restored_from_its_row(mapping: TableMapping[Any], aggregate: AggregateRoot) -> None:
    aggregate.version = 3
    row = dict(zip(mapping.table.columns.keys(), mapping.to_row(aggregate), strict=True)) | READ_ONLY.get(mapping.entity, {})
    again = mapping.from_row(row)
    assert type(again) is type(aggregate)
    names = [field.name for field in fields(aggregate) if field.name != "_events"]
    assert {name: getattr(again, name) for name in names} == {name: getattr(aggregate, name) for name in names}


@pytest.mark.parametrize(("mapping", "aggregate"), CASES, ids=[mapping.entity for mapping, _ in CASES])
def test_a_row_holds_plain_values(mapping: TableMapping[Any], aggregate: AggregateRoot) -> None:
    """The driver encodes no value objects, and an enumeration only by its value."""
    values = mapping.to_row(aggregate)
    assert {type(value).__module__ for value in values} <= {"builtins", "datetime", "uuid"}
