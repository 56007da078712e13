"""The context `jobs`: read and cancel jobs. Every application stores and migrates jobs, with or without this context."""

from collections.abc import Sequence
from typing import Final

from api_base.application.common.cqrs import Registration, on
from api_base.application.common.realtime import Channel
from api_base.application.jobs.cancel_job import CancelJob, CancelJobHandler
from api_base.application.jobs.get_job import GetJob, GetJobsByIds
from api_base.bootstrap.context import Context, Ports
from api_base.infrastructure.tasks.completion import SqlJobCancellation
from api_base.infrastructure.tasks.queries import GetJobHandler, GetJobsByIdsHandler
from api_base.interface.v1 import jobs as v1


def _handlers(ports: Ports) -> Sequence[Registration]:
    return [
        on(GetJob, GetJobHandler(ports.database)),
        on(GetJobsByIds, GetJobsByIdsHandler(ports.database)),
        on(CancelJob, CancelJobHandler(SqlJobCancellation(ports.settings.jobs.keep_days, ports.audit_writer))),
    ]


JOBS: Final = Context(
    name="jobs",
    handlers=_handlers,
    channels=(Channel(kind="jobs", message=GetJob, read=lambda job: GetJob(id=job)),),
    routes=v1.routes,
    graphql="api_base.interface.graphql.jobs:JOBS",
)
