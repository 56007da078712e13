"""Permissions over files."""

from typing import Final

READ: Final = "files:read"
CREATE: Final = "files:create"
UPDATE: Final = "files:update"
DELETE: Final = "files:delete"
