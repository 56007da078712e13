"""Request bodies of users and logins."""

from typing import Annotated

from pydantic import Field, SecretStr

from api_base.core.types import Language
from api_base.interface.v1.bodies.base import Body

Email = Annotated[str, Field(min_length=3, max_length=254, examples=["ana@example.com"])]
PersonName = Annotated[str, Field(min_length=1, max_length=100, examples=["Ana"])]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class RegisterBody(Body):
    email: Email
    name: PersonName
    password: Annotated[
        SecretStr | None,
        Field(
            min_length=1,
            max_length=1024,
            description="Required where registration is open. Refused where addresses are verified: there it is chosen with the link.",
        ),
    ] = None


class LoginBody(Body):
    email: Email
    password: Password


class RefreshBody(Body):
    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=512)]


class LogoutBody(Body):
    everywhere: bool = False


class ChangePasswordBody(Body):
    current_password: Password
    new_password: Password


class TokenBody(Body):
    token: Annotated[SecretStr, Field(min_length=1, max_length=512)]


class ForgottenPasswordBody(Body):
    email: Email


class NewPasswordBody(TokenBody):
    password: Password


class PatchProfileBody(Body):
    """A merge patch: missing members stay unchanged."""

    name: PersonName = ""
    language: Language = Language.EN
