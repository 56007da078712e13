"""What the catalogue refuses."""

from api_base.core.errors import Conflict, RuleViolated


class SkuTaken(Conflict):
    def __init__(self, sku: str) -> None:
        super().__init__(
            f"An item with sku {sku!r} exists already; deleted ones keep theirs. Change or restore that one, or choose another sku."
        )


class TransitionNotAllowed(Conflict):
    def __init__(self, status: str, wanted: str, allowed: str) -> None:
        super().__init__(f"An item that is {status} cannot become {wanted}; from here it can become {allowed}.")


class PriceMissing(RuleViolated):
    def __init__(self) -> None:
        super().__init__("An item cannot be published without a price. Set one first.")


class ItemIsDeleted(Conflict):
    def __init__(self) -> None:
        super().__init__("The item is deleted. Restore it first.")


class ItemIsNotDeleted(Conflict):
    def __init__(self) -> None:
        super().__init__("The item is not deleted; there is nothing to restore.")
