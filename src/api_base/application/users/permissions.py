"""What may be done with other people's identities: by the platform's administrators only."""

from typing import Final

MANAGE: Final = "platform:users"
