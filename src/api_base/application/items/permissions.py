"""Permissions over items."""

from typing import Final

READ: Final = "items:read"
CREATE: Final = "items:create"
UPDATE: Final = "items:update"
DELETE: Final = "items:delete"
PUBLISH: Final = "items:publish"
IMPORT: Final = "items:import"
