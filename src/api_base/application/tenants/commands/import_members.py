"""Import members: add users by their e-mail addresses, change roles that differ, and leave the other members unchanged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api_base.application.common.importing.import_file import ImportFile
from api_base.application.common.importing.import_rows import ImportRows
from api_base.application.common.importing.importer import Outcomes
from api_base.application.common.importing.report import Outcome
from api_base.application.common.importing.schema import ImportSchema, Target, Values, text
from api_base.application.common.importing.start_import import StartImport
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member
from api_base.application.tenants.identities import Identities
from api_base.core.errors import ApiBaseError, Invalid, NotFound
from api_base.core.protocols import Clock, IdGenerator, Isolation
from api_base.core.types import Err, Ok, Result, UserId, request_tenant
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Membership, Role, may_decide, owner_remains
from api_base.domain.tenants.errors import InvitationsOnly
from api_base.domain.tenants.repository import MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    email: EmailAddress
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportMembers(ImportRows[MemberRow]):
    """Save a chunk of rows, which have different addresses. Serializable: two owners who step down concurrently cannot both succeed."""

    permission = permissions.MANAGE_MEMBERS
    isolation = Isolation.SERIALIZABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportMemberFile(ImportFile):
    permission = permissions.MANAGE_MEMBERS


@dataclass(frozen=True, slots=True, kw_only=True)
class StartMemberImport(StartImport):
    permission = permissions.MANAGE_MEMBERS


class MemberImporter:
    """Implements `RowImporter`. `direct` allows adding users; otherwise members join by invitation only."""

    def __init__(self, memberships: MembershipRepository, identities: Identities, ids: IdGenerator, clock: Clock, *, direct: bool) -> None:
        self._memberships, self._identities, self._ids, self._clock, self._direct = memberships, identities, ids, clock, direct

    async def save(self, rows: Sequence[MemberRow]) -> Outcomes:
        """Raises `InvitationsOnly`, `Forbidden`; the commit raises `AlreadyMember` or `StaleVersion` after a concurrent change."""
        if not self._direct:
            raise InvitationsOnly
        actor = await acting_member(self._memberships)
        users = await self._identities.ids_of([row.email for row in rows])
        members = await self._memberships.of_users(list(users.values())) | {actor.user_id: actor}
        chunk = _Chunk(actor, users, members, await self._memberships.owners())
        return [await self._save(row, chunk) for row in rows]

    async def _save(self, row: MemberRow, chunk: "_Chunk") -> Result[Outcome, ApiBaseError]:
        user_id = chunk.users.get(row.email)
        if user_id is None:
            return Err(NotFound("user", row.email))
        member, now = chunk.members.get(user_id), self._clock.now()
        if member is not None and member.role is row.role:
            return Ok(Outcome.UNCHANGED)
        try:
            chunk.decide(member, row.role)
        except ApiBaseError as error:
            return Err(error)
        if member is None:
            member = Membership.begin(id=self._ids.new(), tenant_id=request_tenant(), user_id=user_id, role=row.role, now=now)
            await self._memberships.create(member)
            return Ok(Outcome.CREATED)
        member.change_role(row.role, now)
        await self._memberships.update(member)
        return Ok(Outcome.UPDATED)


@dataclass(slots=True)
class _Chunk:
    """The members that the rows are about, and the number of owners after the rows so far."""

    actor: Membership
    users: Mapping[EmailAddress, UserId]
    members: Mapping[UserId, Membership]
    owners: int

    def decide(self, member: Membership | None, wanted: Role) -> None:
        """Allow `wanted` as the role of a member, or of a new one (None). Raises `OwnersOnly`, `LastOwner`."""
        if member is None:
            may_decide(self.actor, wanted)
        else:
            may_decide(self.actor, member.role, wanted)
            owner_remains(member, self.owners, wanted)
            self.owners -= member.role is Role.OWNER
        self.owners += wanted is Role.OWNER


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise Invalid.of("/role", "enum", f"must be one of {', '.join(Role)}") from None


def _member(values: Values) -> MemberRow:
    return MemberRow(email=EmailAddress.parse(text(values, "email")), role=_role(text(values, "role").strip()))


def _check_constants(constants: Mapping[str, str]) -> None:
    if "role" in constants:
        _role(constants["role"])


MEMBER_SCHEMA: Final = ImportSchema(
    kind="members",
    targets=(Target(name="email", required=True), Target(name="role", required=True)),
    key="email",
    key_of=lambda row: row.email.value,
    row=_member,
    check_constants=_check_constants,
)
