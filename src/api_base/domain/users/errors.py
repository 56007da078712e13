"""Errors of users."""

from api_base.core.errors import Conflict, Forbidden


class EmailTaken(Conflict):
    def __init__(self, email: str) -> None:
        super().__init__(f"email must be unique: a user with the address {email} already exists. Log in, or register another address.")


class AlreadyInStatus(Conflict):
    def __init__(self, status: str) -> None:
        super().__init__(f"The user already has the status {status}.")


class LastAdministrator(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "The platform must have an active administrator, and this user is the last one. Create another with `api-base users create-admin`."
        )


class WrongPassword(Conflict):
    def __init__(self) -> None:
        super().__init__("The current password is wrong.")


class LinkRefused(Conflict):
    def __init__(self) -> None:
        super().__init__("The link is invalid: it was used, or it has expired. Ask for a new link.")


class InvitedOnly(Forbidden):
    def __init__(self) -> None:
        super().__init__("Registration requires an invitation. Ask a member of the tenant to invite you.")
