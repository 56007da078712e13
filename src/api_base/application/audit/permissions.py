"""Permissions of the audit trail."""

from typing import Final

READ: Final = "audit:read"
READ_PLATFORM: Final = "platform:audit"
