"""The context `ofrep`: clients of OpenFeature evaluate the flags that are marked for clients."""

from collections.abc import Sequence
from typing import Final

from api_base.application.common.cqrs import Registration, on
from api_base.application.services.feature_flags.clients import EvaluateFlag, EvaluateFlagHandler, EvaluateFlags, EvaluateFlagsHandler
from api_base.bootstrap.context import Context, Ports
from api_base.interface import ofrep_router


def _handlers(ports: Ports) -> Sequence[Registration]:
    return [on(EvaluateFlag, EvaluateFlagHandler(ports.current_flags)), on(EvaluateFlags, EvaluateFlagsHandler(ports.current_flags))]


OFREP: Final = Context(name="ofrep", requires=("flags",), handlers=_handlers, protocol_routes=ofrep_router.routes)
