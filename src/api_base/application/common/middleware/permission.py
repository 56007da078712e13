"""Checks the permission that a message declares, before anything else happens."""

from typing import Any

from api_base.application.common.cqrs import PUBLIC, Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.protocols import PermissionChecker
from api_base.core.types import current_context


class PermissionMiddleware:
    """Raises `Unauthenticated` or `Forbidden` for a principal without the permission. `PUBLIC` messages are not checked."""

    def __init__(self, checker: PermissionChecker) -> None:
        self._checker = checker

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        permission, check = message_type.permission, self._checker.check
        if permission == PUBLIC:
            return call_next

        async def checked(message: Message[Any]) -> Any:
            check(current_context.get().principal, permission)
            return await call_next(message)

        return checked
