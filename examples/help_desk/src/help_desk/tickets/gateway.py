"""The gateway that turns e-mails into tickets. Its key names the user it acts for, signed with a secret of the settings."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID

from pydantic import SecretStr
from starlette.types import Scope

from api_base import Caller, Ports, Section, TenantId, Unauthenticated, UserId


class TicketsSettings(Section):
    """The gateway for e-mails."""

    gateway_secret: SecretStr | None = None
    """Secret that signs the keys which gateways send in `X-Desk-Key`. Without it no key is accepted."""


def signed(secret: str, user: UUID, tenant: UUID) -> str:
    """Return the key of a gateway that acts as `user` in `tenant`."""
    claims = f"{user.hex}.{tenant.hex}"
    return f"{claims}.{hmac.new(secret.encode(), claims.encode(), sha256).hexdigest()}"


class GatewayKey:
    name = "deskKey"
    description: Mapping[str, object] = {"type": "apiKey", "in": "header", "name": "X-Desk-Key"}

    def __init__(self, ports: Ports) -> None:
        self._principals, self._settings = ports.principals, ports.section(TicketsSettings)

    def credentials(self, scope: Scope) -> bytes | None:
        return next((value for name, value in scope["headers"] if name == b"x-desk-key"), None)

    async def caller(self, scope: Scope, credentials: bytes) -> Caller:
        secret = self._settings.gateway_secret
        try:
            user, tenant = (UUID(one) for one in credentials.decode().split(".")[:2])
        except ValueError:
            raise Unauthenticated("The key is malformed.") from None
        known = secret and signed(secret.get_secret_value(), user, tenant).encode()
        if not known or not hmac.compare_digest(credentials, known):
            raise Unauthenticated("The key is wrong. Send one that TICKETS__GATEWAY_SECRET signed.")
        principal = await self._principals.resolve(UserId(user), TenantId(tenant))
        return Caller(principal=principal)
