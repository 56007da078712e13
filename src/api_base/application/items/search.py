"""The search index of items."""

from typing import Final

from api_base.application.items import permissions
from api_base.core.protocols import FieldKind, SearchDefinition, SearchField
from api_base.domain.items.value_objects import CATEGORY, SKU, TAG

ITEMS: Final = "items"

ITEM_INDEX: Final = SearchDefinition(
    name=ITEMS,
    title="name",
    permission=permissions.READ,
    fields=(
        SearchField(name="name", kind=FieldKind.TEXT, weight=10),
        SearchField(name="description", kind=FieldKind.TEXT, weight=3),
        SearchField(name="sku", kind=FieldKind.KEYWORD, weight=3, searched=True, max_length=SKU.max_length),
        SearchField(name="category", kind=FieldKind.KEYWORD, weight=2, searched=True, facet=True, max_length=CATEGORY.max_length),
        SearchField(name="tags", kind=FieldKind.KEYWORD, weight=2, searched=True, facet=True, many=True, max_length=TAG.max_length),
        SearchField(name="attributes", kind=FieldKind.TEXT, weight=2),
        SearchField(name="status", kind=FieldKind.KEYWORD, facet=True),
        SearchField(name="price", kind=FieldKind.NUMBER),
        SearchField(name="currency", kind=FieldKind.KEYWORD, facet=True),
        SearchField(name="created_at", kind=FieldKind.MOMENT),
        SearchField(name="updated_at", kind=FieldKind.MOMENT),
    ),
)
"""`attributes` holds the texts in the attributes; `price` and `currency` are those of the first price, in minor units."""
ITEM_EVENTS: Final = (
    "items.created.v1",
    "items.changed.v1",
    "items.status_changed.v1",
    "items.deleted.v1",
    "items.restored.v1",
)
