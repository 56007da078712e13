"""Errors of logging in. The text never depends on the cause, so it does not reveal which accounts exist."""

from api_base.core.errors import Unauthenticated


class LoginRefused(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong, or the account is locked or deactivated.")


class RefreshRefused(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The refresh token is invalid, expired or revoked. Log in again.")
