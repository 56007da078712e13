"""Administer feature flags from the command line, by the messages that the API sends."""

from collections.abc import Sequence

from api_base.application.common.cqrs import Message
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build, opened
from api_base.core.config import Settings
from api_base.operations.acting import act_as


async def administer[T](settings: Settings, contexts: Sequence[Context], email: str, message: Message[T]) -> T:
    """Execute `message` as the user with this address. Raises `ConfigurationError` for an unknown user, and what the message raises."""
    async with opened(build(settings, contexts)) as services:
        await act_as(services, email)
        return await services.bus.execute(message)
