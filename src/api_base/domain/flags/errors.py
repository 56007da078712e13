"""Errors of the administration of feature flags."""

from api_base.core.errors import Conflict, Forbidden


class FlagKeyTaken(Conflict):
    def __init__(self, key: str) -> None:
        super().__init__(f"key must be unique: a flag {key} exists. Change it, or take it out of the archive.")


class TooManyFlags(Conflict):
    def __init__(self, limit: int) -> None:
        super().__init__(f"There may be at most {limit} flags. Archive those that the code no longer reads (GET /api/v1/stale-flags).")


class FlagProtected(Conflict):
    def __init__(self, key: str) -> None:
        super().__init__(
            f"The flag {key} is protected: propose the change (POST /api/v1/flags/{key}/proposals), and let another administrator approve it."
        )


class FlagNotProtected(Conflict):
    def __init__(self, key: str) -> None:
        super().__init__(f"The flag {key} is not protected: change it without a proposal (PATCH /api/v1/flags/{key}).")


class FlagUnreadable(Conflict):
    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"The stored flag {key} is not valid ({reason}). Repair its row in the database.")


class ProposalDecided(Conflict):
    def __init__(self, status: str) -> None:
        super().__init__(f"The proposal is already {status}.")


class ProposalOutdated(Conflict):
    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"The flag {key} is no longer at version {version}, which the proposal is for. Propose the change again.")


class SecondPersonRequired(Forbidden):
    def __init__(self) -> None:
        super().__init__("Another administrator of the platform than the one who proposed the change must approve it.")


class AdministratorInactive(Forbidden):
    def __init__(self) -> None:
        super().__init__("Both the proposing and the approving user must be active administrators of the platform.")
