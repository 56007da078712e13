"""An invitation of an e-mail address into a tenant, with the authority of the member who sent it.

A user who follows the link of an invitation to the role member or viewer joins, even with another address. An invitation to a role that
manages members admits only the user with the invited address.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import Language, TenantId, UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import MANAGERS, Membership, Role, may_give
from api_base.domain.tenants.errors import InvitationForAddress, InvitationRefused
from api_base.domain.tenants.events import InvitationAccepted, MemberInvited

LIFETIME: Final = timedelta(days=7)


@dataclass(slots=True, kw_only=True, eq=False)
class Invitation(AggregateRoot):
    """An address has one pending invitation in a tenant. `language` is that of the e-mail if the address does not belong to a user."""

    tenant_id: TenantId
    email: EmailAddress
    role: Role
    language: Language
    invited_by: UserId
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None

    @classmethod
    def send(
        cls, *, id: UUID, tenant_id: TenantId, email: EmailAddress, role: Role, language: Language, invited_by: UserId, now: datetime
    ) -> Self:
        invitation = cls(
            id=id,
            tenant_id=tenant_id,
            email=email,
            role=role,
            language=language,
            invited_by=invited_by,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        invitation.record(MemberInvited(aggregate_id=id, tenant_id=tenant_id, role=role))
        return invitation

    def renew(self, *, role: Role, language: Language, invited_by: UserId, now: datetime) -> None:
        """Send an open invitation again, by another member or to another role: its link stays valid for another `LIFETIME`."""
        self.role, self.language, self.invited_by, self.expires_at = role, language, invited_by, now + LIFETIME
        self.record(MemberInvited(aggregate_id=self.id, tenant_id=self.tenant_id, role=role))

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be accepted."""
        return self.accepted_at is None and now < self.expires_at

    def accept(self, user_id: UserId, email: EmailAddress, inviter: Role | None, membership_id: UUID, now: datetime) -> Membership:
        """Accept the invitation once, for the user with the address `email`. Returns the new membership.

        `inviter` is the current role of the member who sent it. Raises `InvitationRefused`, `InvitationForAddress`.
        """
        if not self.is_open(now) or not may_give(inviter, self.role):
            raise InvitationRefused
        if self.role in MANAGERS and email != self.email:
            raise InvitationForAddress
        self.accepted_at = now
        self.record(InvitationAccepted(aggregate_id=self.id, tenant_id=self.tenant_id, user_id=user_id))
        return Membership.begin(id=membership_id, tenant_id=self.tenant_id, user_id=user_id, role=self.role, now=now)
