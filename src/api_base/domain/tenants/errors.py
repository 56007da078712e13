"""What tenants refuse."""

from api_base.core.errors import Conflict, Forbidden


class SlugTaken(Conflict):
    def __init__(self, slug: str) -> None:
        super().__init__(f"A tenant with the slug {slug!r} exists already. Choose another.")


class AlreadyMember(Conflict):
    def __init__(self) -> None:
        super().__init__("This user is a member of the tenant already. Change the role instead.")


class LastOwner(Conflict):
    def __init__(self) -> None:
        super().__init__("A tenant needs an owner, and this is the last one. Make somebody else an owner first.")


class OwnersOnly(Forbidden):
    def __init__(self) -> None:
        super().__init__("Only an owner may make, change or remove an owner.")


class InvitationRefused(Conflict):
    def __init__(self) -> None:
        super().__init__("This invitation is not good (any more): it was accepted or withdrawn, or is too old. Ask for another.")


class InvitationsOnly(Forbidden):
    def __init__(self) -> None:
        super().__init__("Members join by invitation here: POST /api/v1/tenants/{id}/invitations.")
