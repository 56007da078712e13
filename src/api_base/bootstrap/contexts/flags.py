"""The context `flags`: the administration of feature flags, and the snapshot of them in each process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api_base.application.common.cqrs import Registration, on
from api_base.application.common.realtime import Unpublished
from api_base.application.flags import permissions
from api_base.application.flags.commands import change_flag, propose_change
from api_base.application.flags.queries import GetFlag, GetProposal, ListFlags, ListProposals, ListStaleFlags
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.identities import PlatformAdministrators
from api_base.bootstrap.contexts.roles import PLATFORM_ADMIN
from api_base.bootstrap.opening import OpenedInOrder
from api_base.domain.flags.events import FlagExposed
from api_base.infrastructure import flags
from api_base.infrastructure.flags import queries
from api_base.infrastructure.flags.exposures import ExposureReporter
from api_base.infrastructure.flags.repository import SqlFlagRepository, SqlProposalRepository
from api_base.infrastructure.flags.snapshot import SnapshotLoader
from api_base.infrastructure.flags.tables import FLAG_EVALUATIONS, FLAG_PROPOSALS
from api_base.infrastructure.flags.tables import FLAGS as FLAGS_TABLE
from api_base.infrastructure.users.repository import SqlUserRepository
from api_base.interface.v1 import flags as v1


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository, proposals = SqlFlagRepository(ports.database), SqlProposalRepository(ports.database)
    administrators = PlatformAdministrators(SqlUserRepository(ports.database))
    return [
        on(change_flag.CreateFlag, change_flag.CreateFlagHandler(repository, ports.ids, ports.clock)),
        on(change_flag.ChangeFlag, change_flag.ChangeFlagHandler(repository, ports.clock)),
        on(change_flag.SwitchFlag, change_flag.SwitchFlagHandler(repository, ports.clock)),
        on(
            propose_change.ProposeFlagChange,
            propose_change.ProposeFlagChangeHandler(repository, proposals, ports.ids, ports.clock),
        ),
        on(
            propose_change.ApproveProposal,
            propose_change.ApproveProposalHandler(repository, proposals, administrators, ports.clock),
        ),
        on(propose_change.RejectProposal, propose_change.RejectProposalHandler(proposals, ports.clock)),
        on(GetFlag, queries.GetFlagHandler(ports.database)),
        on(ListFlags, queries.ListFlagsHandler(ports.database)),
        on(ListStaleFlags, queries.ListStaleFlagsHandler(ports.database, ports.clock)),
        on(GetProposal, queries.GetProposalHandler(ports.database)),
        on(ListProposals, queries.ListProposalsHandler(ports.database)),
    ]


def _lifespan(ports: Ports) -> OpenedInOrder:
    flags, counters = ports.current_flags, ports.counters
    loader = SnapshotLoader(ports.database, ports.listener, flags, counters.gauge)
    reporter = ExposureReporter(ports.database, flags.exposures, loader, counters, ports.event_writer, ports.events_stored, ports.clock)
    return OpenedInOrder(loader, reporter)


FLAGS: Final = Context(
    name="flags",
    requires=("users",),
    tables=(FLAGS_TABLE, FLAG_PROPOSALS, FLAG_EVALUATIONS),
    migrations=Path(flags.__path__[0]) / "migrations",
    permissions={permissions.MANAGE: frozenset({PLATFORM_ADMIN})},
    handlers=_handlers,
    events=(FlagExposed,),
    channels=(Unpublished(event="flags.exposed.v1", reason="It is for the analysis of experiments, not for clients."),),
    lifespan=_lifespan,
    routes=v1.routes,
    graphql="api_base.interface.graphql.flags:FLAGS",
)
