"""Errors of logging in. The text never depends on the cause, so it does not reveal which accounts exist; the audit trail has the cause."""

from api_base.core.errors import AuditedRefusal
from api_base.core.types import UserId


class LoginRefused(AuditedRefusal):
    """`account` is None for an address that no user has."""

    def __init__(self, account: UserId | None) -> None:
        message = "The e-mail address or the password is wrong, or the account is locked or deactivated."
        super().__init__(message, action="login", account=account)


class RefreshRefused(AuditedRefusal):
    """`account` is None for a token without a session. `reused`: the token was used before, so its session ended."""

    def __init__(self, account: UserId | None = None, *, reused: bool = False) -> None:
        message = "The refresh token is invalid, expired or revoked. Log in again."
        super().__init__(message, action="reuse" if reused else "refresh", account=account)
