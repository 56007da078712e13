"""A dry run changes nothing in other services: their commands are refused before they are sent."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import pytest

from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.core.errors import Conflict
from api_base.core.types import DryRun, RequestContext, current_context
from api_base.infrastructure.remote.rabbitmq_rpc import RabbitMqRpcClient
from api_base.infrastructure.remote.remote_bus import RabbitMqRemoteBus


@dataclass(frozen=True, slots=True, kw_only=True)
class PayInvoice(Command[None]):
    permission = AUTHENTICATED
    remote: ClassVar[str] = "invoices.pay"


async def test_a_command_of_another_service_is_refused_in_a_dry_run() -> None:
    bus = RabbitMqRemoteBus(cast("RabbitMqRpcClient", None), 1.0)
    token: Any = current_context.set(RequestContext(request_id="test", origin=DryRun()))
    try:
        with pytest.raises(Conflict, match="dry_run"):
            await bus.execute(PayInvoice())
    finally:
        current_context.reset(token)
