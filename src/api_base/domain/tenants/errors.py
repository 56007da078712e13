"""Errors of tenants."""

from api_base.core.errors import Conflict, Forbidden


class SlugTaken(Conflict):
    def __init__(self, slug: str) -> None:
        super().__init__(f"slug must be unique: another tenant has {slug!r}. Choose another slug.")


class AlreadyMember(Conflict):
    def __init__(self) -> None:
        super().__init__("The user is already a member of this tenant. Change the member's role instead.")


class LastOwner(Conflict):
    def __init__(self) -> None:
        super().__init__("A tenant must have an owner, and this member is the last one. Make another member an owner first.")


class OwnersOnly(Forbidden):
    def __init__(self) -> None:
        super().__init__("Only an owner may make, change or remove an owner.")


class InvitationRefused(Conflict):
    def __init__(self) -> None:
        super().__init__("The invitation is invalid: it was accepted or withdrawn, or it has expired. Ask for a new invitation.")


class InvitationForAddress(Forbidden):
    def __init__(self) -> None:
        super().__init__("This invitation is for the user with the invited e-mail address. Log in with that address.")


class InvitationsOnly(Forbidden):
    def __init__(self) -> None:
        super().__init__("This server adds members by invitation only: use POST /api/v1/tenants/{id}/invitations.")
