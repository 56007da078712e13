"""What identities refuse."""

from api_base.core.errors import Conflict, Forbidden


class EmailTaken(Conflict):
    def __init__(self, email: str) -> None:
        super().__init__(f"A user with the address {email} exists already. Log in, or register another address.")


class AlreadyInStatus(Conflict):
    def __init__(self, status: str) -> None:
        super().__init__(f"The user is {status} already.")


class WrongPassword(Conflict):
    def __init__(self) -> None:
        super().__init__("The current password is not this one.")


class LinkRefused(Conflict):
    def __init__(self) -> None:
        super().__init__("This link is not good (any more): it was used, or is too old. Ask for another.")


class InvitedOnly(Forbidden):
    def __init__(self) -> None:
        super().__init__("Nobody registers here without an invitation.")
