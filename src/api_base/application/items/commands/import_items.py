"""Import items: create new skus, update items that differ, and leave the others unchanged. A row is the whole item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api_base.application.common.importing.import_file import ImportFile
from api_base.application.common.importing.import_rows import ImportRows
from api_base.application.common.importing.importer import Outcomes
from api_base.application.common.importing.report import Outcome
from api_base.application.common.importing.schema import ImportSchema, Target, Values, group, text, texts
from api_base.application.common.importing.start_import import StartImport
from api_base.application.items import permissions
from api_base.core.errors import ApiBaseError, Invalid
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import Err, Ok, Result, request_tenant
from api_base.domain.common.text import key
from api_base.domain.common.value_objects import Money
from api_base.domain.items.entities import Item, ItemDetails
from api_base.domain.items.repository import ItemRepository

_THREE_DECIMALS_CURRENCY: Final = "KWD"
"""No currency has more decimal places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItems(ImportRows[ItemDetails]):
    """Save a chunk of rows, which have different skus."""

    permission = permissions.IMPORT


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItemFile(ImportFile):
    permission = permissions.IMPORT


@dataclass(frozen=True, slots=True, kw_only=True)
class StartItemImport(StartImport):
    permission = permissions.IMPORT


class ItemImporter:
    """Implements `RowImporter`. The commit raises `SkuTaken` or `StaleVersion` if another transaction wrote an item in the meantime."""

    def __init__(self, items: ItemRepository, ids: IdGenerator, clock: Clock) -> None:
        self._items, self._ids, self._clock = items, ids, clock

    async def save(self, rows: Sequence[ItemDetails]) -> Outcomes:
        known = await self._items.by_skus([details.sku for details in rows])
        return [await self._save(details, known.get(details.sku)) for details in rows]

    async def _save(self, details: ItemDetails, item: Item | None) -> Result[Outcome, ApiBaseError]:
        now = self._clock.now()
        if item is None:
            await self._items.create(Item.create(id=self._ids.new(), tenant_id=request_tenant(), details=details, now=now))
            return Ok(Outcome.CREATED)
        if item.details == details and item.deleted_at is None:
            return Ok(Outcome.UNCHANGED)
        try:
            item.replace(details, now)
        except ApiBaseError as error:
            return Err(error)
        await self._items.update(item)
        return Ok(Outcome.UPDATED)


def _details(values: Values) -> ItemDetails:
    return ItemDetails(
        sku=text(values, "sku"),
        name=text(values, "name"),
        description=text(values, "description"),
        price=_price(values),
        category=text(values, "category"),
        tags=tuple(dict.fromkeys(map(key, texts(values, "tags")))),
        attributes=group(values, "attributes"),
    )


def _price(values: Values) -> Money | None:
    """The price is text with a currency beside it, or an object of both, as in the API."""
    price = values.get("price")
    if isinstance(price, Mapping):
        values = {"price": price.get("amount"), "currency": price.get("currency")}
    amount = text(values, "price").strip()
    if not amount:
        return None
    if values.get("currency") in (None, ""):
        raise Invalid.of("/currency", "missing", "is needed with a price")
    return Money.parse(amount, text(values, "currency").strip(), pointer="/price")


def _check_constants(constants: Mapping[str, str]) -> None:
    """Raises `Invalid` for a price or currency that no row could have."""
    try:
        Money.parse(constants.get("price", "0"), constants.get("currency", _THREE_DECIMALS_CURRENCY))
    except Invalid as error:
        violation = error.violations[0]
        if violation.pointer == "/currency":
            raise
        precise = "currency" in constants or violation.code != "precision"
        raise Invalid.of("/price", violation.code, violation.message if precise else "no currency has so many decimal places") from None


ITEM_SCHEMA: Final = ImportSchema(
    kind="items",
    targets=(
        Target(name="sku", required=True),
        Target(name="name", required=True),
        Target(name="description"),
        Target(name="category", required=True),
        Target(name="tags", multiple=True),
        Target(name="price", decimal=True),
        Target(name="currency"),
    ),
    key="sku",
    key_of=lambda details: details.sku,
    row=_details,
    check_constants=_check_constants,
    group="attributes",
)
