"""The port through which flags check who decides. Flags know users only by their ids."""

from typing import Protocol

from api_base.core.types import UserId


class Administrators(Protocol):
    async def active(self, user_id: UserId) -> bool:
        """Whether the user is an active administrator of the platform, as this transaction sees it."""
        ...
