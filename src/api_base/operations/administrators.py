"""Create platform administrators, which is not possible over HTTP."""

from collections.abc import Sequence

from api_base.application.users.dtos import UserDTO
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build, opened
from api_base.core.config import Settings
from api_base.serving.first_run import add_administrator


async def create_administrator(settings: Settings, contexts: Sequence[Context], *, email: str, name: str, password: str) -> UserDTO:
    """Create a platform administrator in the database of `settings`. Raises `Invalid`, `EmailTaken`."""
    async with opened(build(settings, contexts)) as services:
        return await add_administrator(services, email=email, name=name, password=password)
