"""Propose a change of a protected flag, and decide on it.

Deciding is serializable: a proposal is decided once, by somebody who is an administrator at that time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api_base.application.common.aggregates import found, load
from api_base.application.common.cqrs import Command
from api_base.application.flags import permissions
from api_base.application.flags.administrators import Administrators
from api_base.application.flags.commands.change_flag import check_with_others, patched
from api_base.application.flags.dtos import ProposalDTO
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, IdGenerator, Isolation
from api_base.core.types import UserId, request_user
from api_base.domain.flags.errors import AdministratorInactive
from api_base.domain.flags.proposal import FlagProposal
from api_base.domain.flags.repository import FlagRepository, ProposalRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeFlagChange(Command[ProposalDTO]):
    """`patch` is a merge patch [RFC 7396] of the document of `FlagSettings`."""

    permission = permissions.MANAGE
    isolation = Isolation.SERIALIZABLE
    key: str
    expected_version: int | None
    patch: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveProposal(Command[ProposalDTO]):
    permission = permissions.MANAGE
    isolation = Isolation.SERIALIZABLE
    id: UUID
    expected_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectProposal(Command[ProposalDTO]):
    permission = permissions.MANAGE
    id: UUID
    expected_version: int | None


class ProposeFlagChangeHandler:
    def __init__(self, flags: FlagRepository, proposals: ProposalRepository, ids: IdGenerator, clock: Clock) -> None:
        self._flags, self._proposals, self._ids, self._clock = flags, proposals, ids, clock

    async def handle(self, command: ProposeFlagChange) -> ProposalDTO:
        """Store the proposal. Raises `NotFound`, `StaleVersion`, `FlagNotProtected`, `FlagUnreadable`, `Invalid`."""
        flag = found(await self._flags.by_key(command.key), "flag", command.key, command.expected_version)
        settings, now = patched(flag, command.patch), self._clock.now()
        proposal = FlagProposal.make(id=self._ids.new(), flag=flag, settings=settings, by=request_user(), now=now)
        await check_with_others(self._flags, settings)
        return ProposalDTO.of(await self._proposals.create(proposal))


class ApproveProposalHandler:
    def __init__(self, flags: FlagRepository, proposals: ProposalRepository, administrators: Administrators, clock: Clock) -> None:
        self._flags, self._proposals, self._administrators, self._clock = flags, proposals, administrators, clock

    async def handle(self, command: ApproveProposal) -> ProposalDTO:
        """Change the flag as proposed.

        Raises `NotFound`, `StaleVersion`, `SecondPersonRequired`, `AdministratorInactive`, `ProposalDecided`, `ProposalOutdated`, `Invalid`.
        """
        proposal, by = await load(self._proposals, "proposal", command.id, command.expected_version), request_user()
        flag = await self._flags.get(proposal.flag_id)
        if flag is None:
            raise NotFound("flag", proposal.flag_id)
        proposal.approve(flag, by, self._clock.now())
        for user_id in (by, UserId(proposal.proposed_by)):
            if not await self._administrators.active(user_id):
                raise AdministratorInactive
        await check_with_others(self._flags, flag.settings)
        await self._flags.update(flag)
        return ProposalDTO.of(await self._proposals.update(proposal))


class RejectProposalHandler:
    def __init__(self, proposals: ProposalRepository, clock: Clock) -> None:
        self._proposals, self._clock = proposals, clock

    async def handle(self, command: RejectProposal) -> ProposalDTO:
        """Reject the proposal, or withdraw one's own. Raises `NotFound`, `StaleVersion`, `ProposalDecided`."""
        proposal = await load(self._proposals, "proposal", command.id, command.expected_version)
        proposal.reject(request_user(), self._clock.now())
        return ProposalDTO.of(await self._proposals.update(proposal))
