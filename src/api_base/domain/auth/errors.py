"""What logging in refuses. The words are the same whatever was wrong, so that they tell nothing about who exists."""

from api_base.core.errors import Unauthenticated


class LoginRefused(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong, or the account is not open at the moment.")


class RefreshRefused(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The refresh token is not good (any more). Log in again.")
