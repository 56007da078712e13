"""Verify the whole audit trail, as `api-base audit verify` does. A nightly job; any finding makes it dead."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from api_base.application.audit.dtos import Checked
from api_base.application.common.cqrs import PUBLIC, Command
from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Isolation
from api_base.core.shared.logging import get_logger
from api_base.core.types import Err, Ok, Result

logger = get_logger(__name__)

MAX_REPORTED: Final = 100
"""Maximum number of findings that are logged: a rewritten trail yields one for each record."""


class AuditBroken(ApiBaseError):
    """The audit trail was modified, or no sealer is running."""

    def __init__(self, findings: int, checked: Checked) -> None:
        super().__init__(
            f"The audit trail has {findings} findings in {checked.records} records of {checked.chains} chains. The log lists them "
            "(audit_broken); run api-base audit verify to list them again."
        )
        self.findings = findings


class TrailVerification(Protocol):
    def findings(self, tenant: UUID | None, checked: Checked) -> AsyncIterator[object]:
        """The findings in the trail of `tenant` (None: of all tenants). Raises `Unavailable`, and `ConfigurationError` for invalid keys."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAudit(Command[Result[Checked, AuditBroken]]):
    """Internal: no route sends it."""

    permission = PUBLIC
    isolation = Isolation.NONE


class VerifyAuditHandler:
    def __init__(self, verification: TrailVerification) -> None:
        self._verification = verification

    async def handle(self, command: VerifyAudit) -> Result[Checked, AuditBroken]:
        """How much was verified, or `AuditBroken` if there is any finding."""
        checked, found = Checked(), 0
        async for finding in self._verification.findings(None, checked):
            found += 1
            if found <= MAX_REPORTED:
                logger.error("audit_broken", finding=str(finding))
        return Err(AuditBroken(found, checked)) if found else Ok(checked)
