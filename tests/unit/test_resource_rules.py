"""What a rule about several fields refuses, is refused at each creation and change; before anything else notices the resource."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api_base.core.errors import RuleViolated
from api_base.core.types import TenantId
from api_base.domain.common.resource import Resource, RestorableResource

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NEXT_DAY = NOW + timedelta(days=1)
ID = UUID(int=1)


@dataclass(slots=True, kw_only=True, eq=False)
class Shift(Resource):
    tenant_id: TenantId
    first_hour: int
    last_hour: int

    def ensure_valid(self) -> None:
        if self.last_hour < self.first_hour:
            raise RuleViolated("A shift ends after it begins.")


@dataclass(slots=True, kw_only=True, eq=False)
class RestorableShift(RestorableResource):
    tenant_id: TenantId
    first_hour: int
    last_hour: int
    ensure_valid = Shift.ensure_valid


@pytest.fixture(params=[Shift, RestorableShift])
def made(request: pytest.FixtureRequest) -> Any:
    return request.param.create(id=ID, now=NOW, tenant_id=TenantId(ID), first_hour=8, last_hour=16)


def test_a_creation_is_refused(made: Any) -> None:
    with pytest.raises(RuleViolated, match="ends after"):
        type(made).create(id=ID, now=NOW, tenant_id=TenantId(ID), first_hour=9, last_hour=8)


def test_a_change_is_refused(made: Any) -> None:
    with pytest.raises(RuleViolated, match="ends after"):
        made.change(NEXT_DAY, last_hour=7)


def test_a_change_of_both_is_judged_as_a_whole(made: Any) -> None:
    assert made.change(NEXT_DAY, first_hour=18, last_hour=20)
    assert (made.first_hour, made.last_hour, made.updated_at) == (18, 20, NEXT_DAY)


def test_what_does_not_change_is_not_judged(made: Any) -> None:
    made.last_hour = 7  # as a row from before the rule
    assert not made.change(NEXT_DAY, first_hour=8)
