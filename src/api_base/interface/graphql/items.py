"""Items."""

from typing import Final

from api_base.application.items.dtos import ItemDTO
from api_base.application.items.queries import ITEM_FIELDS, GetItemsByIds, ListItems
from api_base.interface.graphql.declared import GraphQL, Listing, Node

ITEMS: Final = GraphQL(
    nodes=(Node(name="Item", dto=ItemDTO, by_ids=lambda ids: GetItemsByIds(ids=ids), path="/items"),),
    listings=(
        Listing(
            name="items",
            dto=ItemDTO,
            query=lambda request: ListItems(request=request),
            fields=ITEM_FIELDS,
            searchable=True,
            description="The items of the tenant. Deleted items appear only with a filter on deletedAt.",
        ),
    ),
)
