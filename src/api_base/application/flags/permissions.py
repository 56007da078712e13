"""The permission over feature flags. Only platform administrators hold it."""

from typing import Final

MANAGE: Final = "platform:flags"
