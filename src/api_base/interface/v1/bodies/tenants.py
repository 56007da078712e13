"""Request bodies of tenants and members."""

from typing import Annotated

from pydantic import Field

from api_base.domain.tenants.entities import Role
from api_base.interface.v1.bodies.base import Body
from api_base.interface.v1.bodies.users import Email, Password, PersonName, TokenBody

TenantName = Annotated[str, Field(min_length=1, max_length=100, examples=["Acme"])]


class CreateTenantBody(Body):
    name: TenantName
    slug: Annotated[str, Field(min_length=2, max_length=63, examples=["acme"])]


class PatchTenantBody(Body):
    """A merge patch: missing members stay unchanged."""

    name: TenantName = ""


class ChangePlanBody(Body):
    plan: Annotated[str, Field(min_length=1, max_length=32, examples=["standard"])]


class ChangePublicPagesBody(Body):
    public_pages: bool


class AddMemberBody(Body):
    email: Email
    role: Role


class PatchMemberBody(Body):
    role: Role


class InviteMemberBody(Body):
    email: Email
    role: Role


class RegisterByInvitationBody(TokenBody):
    name: PersonName
    password: Password
