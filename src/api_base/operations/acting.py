"""Act as a user on the command line, with the same membership and permissions as over HTTP."""

from api_base.application.tenants.queries import ListMyTenants
from api_base.bootstrap.services import Services
from api_base.core.errors import ConfigurationError
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import UserStatus
from api_base.infrastructure.users.repository import SqlUserRepository


async def act_as(services: Services, email: str, tenant: str) -> RequestContext:
    """Act in this task as the user with this address, in the tenant with this slug or id.

    Raises `ConfigurationError` for an unknown user or tenant, `Invalid` for an invalid address.
    """
    current_context.set(RequestContext(request_id="command-line"))
    user = await SqlUserRepository(services.ports.database).by_email(EmailAddress.parse(email, "--as"))
    if user is None or user.status is not UserStatus.ACTIVE:
        raise ConfigurationError(f"--as: no active user has the address {email}.")
    _act(_principal(services, UserId(user.id), None, None, admin=user.platform_admin))
    mine = await services.bus.execute(ListMyTenants())
    for one in mine:
        if tenant in (one.slug, str(one.id)):
            return _act(_principal(services, UserId(user.id), TenantId(one.id), one.role, admin=user.platform_admin))
    known = ", ".join(one.slug for one in mine) or "none"
    raise ConfigurationError(f"--tenant: {email} is not a member of the tenant {tenant!r}, but of these: {known}.")


def _act(principal: Principal) -> RequestContext:
    context = RequestContext(request_id="command-line", principal=principal)
    current_context.set(context)
    return context


def _principal(services: Services, user: UserId, tenant: TenantId | None, role: str | None, *, admin: bool) -> Principal:
    return Principal(
        user_id=user,
        session_id=None,
        tenant_id=tenant,
        role=role,
        platform_admin=admin,
        permissions=services.container.checker.permissions_of(role, admin),
    )
