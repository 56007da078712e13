"""Import items: create new skus, update items that differ, and leave the others unchanged. A row is the whole item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api_base.application.common.importing.import_file import ImportFile
from api_base.application.common.importing.import_rows import ImportRows
from api_base.application.common.importing.importer import Outcomes
from api_base.application.common.importing.report import Outcome
from api_base.application.common.importing.schema import ImportSchema, Target, Values, as_text, group, json_text, text, texts
from api_base.application.common.importing.start_import import StartImport
from api_base.application.items import permissions
from api_base.core.errors import ApiBaseError, Invalid
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import Err, Ok, Result, request_tenant
from api_base.domain.common.text import key
from api_base.domain.common.value_objects import Money
from api_base.domain.items.entities import Item, ItemDetails
from api_base.domain.items.repository import ItemRepository
from api_base.domain.items.value_objects import PRICES

_THREE_DECIMALS_CURRENCY: Final = "KWD"
"""No currency has more decimal places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """A row that has only the first price leaves the other prices of its item as they are."""

    details: ItemDetails
    first_price_only: bool

    def over(self, known: ItemDetails) -> ItemDetails:
        """Return the details of an item that has `known`. Raises `Invalid` if the row removes the first of several prices."""
        if not self.first_price_only or len(known.prices) < 2:
            return self.details
        if not self.details.prices:
            raise Invalid.of("/price", "several", f"is empty, but the item has {len(known.prices)} prices. Import them as prices")
        return self.details.changed(prices=(*self.details.prices, *known.prices[1:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItems(ImportRows[ItemRow]):
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

    async def save(self, rows: Sequence[ItemRow]) -> Outcomes:
        known = await self._items.by_skus([row.details.sku for row in rows])
        return [await self._save(row, known.get(row.details.sku)) for row in rows]

    async def _save(self, row: ItemRow, item: Item | None) -> Result[Outcome, ApiBaseError]:
        now = self._clock.now()
        if item is None:
            await self._items.create(Item.create(id=self._ids.new(), tenant_id=request_tenant(), details=row.details, now=now))
            return Ok(Outcome.CREATED)
        try:
            details = row.over(item.details)
            if item.details == details and item.deleted_at is None:
                return Ok(Outcome.UNCHANGED)
            item.replace(details, now)
        except ApiBaseError as error:
            return Err(error)
        await self._items.update(item)
        return Ok(Outcome.UPDATED)


def _row(values: Values) -> ItemRow:
    price, prices = _price(values), values.get("prices")
    if price is not None and prices not in (None, "", []):
        raise Invalid.of("/price", "twice", "is one of the prices, which the row has as well. Map one of both")
    details = ItemDetails(
        sku=text(values, "sku"),
        name=text(values, "name"),
        description=text(values, "description"),
        prices=_prices(prices) if price is None else (price,),
        category=text(values, "category"),
        tags=tuple(dict.fromkeys(map(key, texts(values, "tags")))),
        attributes=group(values, "attributes"),
    )
    return ItemRow(details=details, first_price_only=price is not None or prices is None)


def _prices(given: object) -> tuple[Money, ...]:
    """The prices are a list of objects, as in the API; in CSV, its JSON."""
    listed = json_text(given) if isinstance(given, str) and given else given or []
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise Invalid.of("/prices", "type", 'must be a list such as [{"amount": "12.50", "currency": "EUR"}]')
    if len(listed) > PRICES:
        raise Invalid.of("/prices", "too_many", f"has {len(listed)} prices; at most {PRICES} are allowed")
    return tuple(_money(one, f"prices/{number}") for number, one in enumerate(listed))


def _money(given: Mapping[str, object], place: str) -> Money:
    amount, currency = (as_text(given.get(name), f"{place}/{name}").strip() for name in ("amount", "currency"))
    return Money.parse(amount, currency, pointer=f"/{place}")


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
    """Raises `Invalid` for prices, a price or a currency that no row could have."""
    try:
        _prices(constants.get("prices"))
    except Invalid as error:
        raise Invalid.of("/prices", error.violations[0].code, error.violations[0].message) from None
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
        Target(name="prices"),
    ),
    key="sku",
    key_of=lambda row: row.details.sku,
    row=_row,
    check_constants=_check_constants,
    group="attributes",
)
