"""Act on the command line as a user, with the same permissions as over HTTP."""

from api_base.application.tenants.queries import ListMyTenants
from api_base.bootstrap.services import Services
from api_base.core.errors import ConfigurationError
from api_base.core.types import RequestContext, TenantId, UserId, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import UserStatus
from api_base.infrastructure.users.repository import SqlUserRepository


async def act_as(services: Services, email: str) -> UserId:
    """Act in this task as the user with this address, in no tenant. Returns the id of the user.

    Raises `ConfigurationError` for an unknown user, `Invalid` for an invalid address.
    """
    current_context.set(RequestContext(request_id="command-line"))
    user = await SqlUserRepository(services.ports.database).by_email(EmailAddress.parse(email, "--as"))
    if user is None or user.status is not UserStatus.ACTIVE:
        raise ConfigurationError(f"--as: no active user has the address {email}.")
    await act_in(services, UserId(user.id), None)
    return UserId(user.id)


async def act_in(services: Services, user: UserId, tenant: TenantId | None) -> None:
    """Act in this task as a user in a tenant. Raises `Unauthenticated` if the user or the membership has ended."""
    principal = await services.container.access.resolve(user, tenant)
    current_context.set(RequestContext(request_id="command-line", principal=principal))


async def act_in_tenant(services: Services, email: str, tenant: str) -> None:
    """Act in this task as the user with this address, in the tenant with this slug or id, with the same permissions as over HTTP.

    Raises `ConfigurationError` for an unknown user or tenant, `Invalid` for an invalid address.
    """
    user = await act_as(services, email)
    mine = await services.bus.execute(ListMyTenants())
    chosen = next((one for one in mine if tenant in (one.slug, str(one.id))), None)
    if chosen is None:
        known = ", ".join(one.slug for one in mine) or "none"
        raise ConfigurationError(f"--tenant: {email} is not a member of the tenant {tenant!r}, but of these: {known}.")
    await act_in(services, user, TenantId(chosen.id))
