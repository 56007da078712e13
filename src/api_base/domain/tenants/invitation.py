"""An invitation into a tenant. The user who follows its link joins in the role that it names, even with another address."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import Language, TenantId, UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Membership, Role
from api_base.domain.tenants.errors import InvitationRefused
from api_base.domain.tenants.events import InvitationAccepted, MemberInvited

LIFETIME: Final = timedelta(days=7)


@dataclass(slots=True, kw_only=True, eq=False)
class Invitation(AggregateRoot):
    """`language` is the language of the e-mail if the address does not belong to a user."""

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

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be accepted."""
        return self.accepted_at is None and now < self.expires_at

    def accept(self, user_id: UserId, membership_id: UUID, now: datetime) -> Membership:
        """Accept the invitation once, for `user_id`. Returns the new membership. Raises `InvitationRefused`."""
        if not self.is_open(now):
            raise InvitationRefused
        self.accepted_at = now
        self.record(InvitationAccepted(aggregate_id=self.id, tenant_id=self.tenant_id, user_id=user_id))
        return Membership.begin(id=membership_id, tenant_id=self.tenant_id, user_id=user_id, role=self.role, now=now)
