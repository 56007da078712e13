"""Errors of the catalogue."""

from api_base.core.errors import Conflict, RuleViolated


class SkuTaken(Conflict):
    def __init__(self, sku: str) -> None:
        super().__init__(
            f"sku must be unique within the tenant: another item, possibly deleted, has {sku!r}. Change or restore that item, or choose another sku."
        )


class PriceMissing(RuleViolated):
    def __init__(self) -> None:
        super().__init__("A published item must have a price. Set the price first.")


class ItemIsDeleted(Conflict):
    def __init__(self) -> None:
        super().__init__("The item is deleted. Restore it first.")


class ItemIsNotDeleted(Conflict):
    def __init__(self) -> None:
        super().__init__("The item is not deleted, so it cannot be restored.")
