"""The context `exports`: every list as CSV or JSON Lines. Without it, lists are JSON alone."""

from collections.abc import Sequence
from typing import Final

from api_base.application.common.cqrs import Registration, on
from api_base.application.exports.begin_export import EXPORT, BeginExport, BeginExportHandler
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, PLATFORM_ADMIN
from api_base.infrastructure.exports.log import SqlExportLog


def _handlers(ports: Ports) -> Sequence[Registration]:
    return [on(BeginExport, BeginExportHandler(SqlExportLog(ports.audit_writer, ports.ids)))]


EXPORTS: Final = Context(name="exports", permissions={EXPORT: ADMINS | {PLATFORM_ADMIN}}, handlers=_handlers)
