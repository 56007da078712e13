"""A context whose subscriber fails when a tenant is created."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.bootstrap.context import Context
from api_base.domain.common.events import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    aggregate_id: UUID


async def fail(event: Created) -> None:
    raise RuntimeError(f"no tenant {event.aggregate_id}")


FAILING: Final = Context(name="failing", subscribers=lambda ports: [Subscription(event="tenants.created.v1", payload=Created, handle=fail)])
