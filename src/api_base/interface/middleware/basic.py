"""E-mail address and password in each request [RFC 7617], for tools that know nothing else."""

from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from typing import Protocol

from starlette.types import Scope

from api_base.core.errors import Unauthenticated
from api_base.core.types import Principal
from api_base.interface.middleware.auth import AuthenticationScheme, Caller, after_scheme
from api_base.interface.middleware.http_exchange import http_exchange_of

MAX_BYTES = 2048
"""Of the credentials in base64. Longer ones are no address with a password."""


class PasswordCallers(Protocol):
    """Finds users by address and password."""

    async def verified(self, email: str, password: str) -> Principal:
        """Return the user. Raises `Unauthenticated` for wrong ones, `TooManyRequests` after too many of them."""
        ...


class Basic(AuthenticationScheme):
    name = "basic"
    description: Mapping[str, object] = {"type": "http", "scheme": "basic", "description": "E-mail address and password, for tools."}

    def __init__(self, callers: PasswordCallers) -> None:
        self._callers = callers

    def credentials(self, scope: Scope) -> bytes | None:
        return after_scheme(http_exchange_of(scope).authorization, b"basic")

    async def caller(self, scope: Scope, credentials: bytes) -> Caller:
        try:
            if len(credentials) > MAX_BYTES:
                raise ValueError
            email, colon, password = b64decode(credentials, validate=True).decode().partition(":")
            if not (email and colon and password) or "\0" in email + password:
                raise ValueError
        except (Error, ValueError):
            raise Unauthenticated("The Authorization header is malformed. Send: Basic <base64 of address:password> [RFC 7617].") from None
        return Caller(principal=await self._callers.verified(email, password))
