"""Items, with their pictures, files, authors and tenant."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from api_base.application.audit.dtos import AuditRecordDTO
from api_base.application.audit.list_audit import AUDIT_FIELDS, GetCreators, ListHistories
from api_base.application.common.cqrs import Query
from api_base.application.files.queries import ATTACHED_FIELDS, AttachedFileDTO, GetAttachedFiles, ListAttachedFiles
from api_base.application.items.dtos import ItemDTO
from api_base.application.items.queries import ITEM_FIELDS, GetItemsByIds, ListItems
from api_base.application.services.file_upload.dtos import FileDTO
from api_base.application.tenants.dtos import MemberDTO, TenantDTO
from api_base.core.types import request_tenant
from api_base.interface.graphql.declared import GraphQL, Listing, NestedListing, Node, Relation

PICTURE: Final = "picture"
"""The slot of an item's picture."""


def _attached(ids: tuple[UUID, ...]) -> Query[Sequence[AttachedFileDTO]]:
    return GetAttachedFiles(kind="items", entity_ids=ids, slot=PICTURE)


ITEMS: Final = GraphQL(
    nodes=(Node(name="Item", dto=ItemDTO, by_ids=lambda ids: GetItemsByIds(ids=ids), path="/items", channel="items"),),
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
    relations=(
        Relation(
            on=ItemDTO,
            name="picture",
            to=FileDTO,
            key=lambda item: item.id,
            load=_attached,
            of=lambda found: found.entity_id,
            make=lambda found: found.file if found.slot == PICTURE else None,
            description="The file in the slot `picture`.",
        ),
        Relation(
            on=ItemDTO,
            name="files",
            to=AttachedFileDTO,
            key=lambda item: item.id,
            load=_attached,
            of=lambda found: found.entity_id,
            many=True,
            description="The attached files, by slot: 20 at most, the picture among them. `attachments` has all, in pages.",
        ),
        Relation(
            on=ItemDTO,
            name="author",
            to=MemberDTO,
            key=lambda item: item.id,
            load=lambda ids: GetCreators(entity="item", entity_ids=ids),
            of=lambda found: found.entity_id,
            make=lambda found: found.user_id,
            node=True,
            description="Who created it, by the audit trail. Null for who is no member any longer, and for older items than the trail.",
        ),
        Relation(on=ItemDTO, name="tenant", to=TenantDTO, key=lambda item: request_tenant(), description="The tenant that owns it."),
    ),
    nested=(
        NestedListing(
            on=ItemDTO,
            name="attachments",
            dto=AttachedFileDTO,
            key=lambda item: item.id,
            query=lambda ids, request: ListAttachedFiles(kind="items", entity_ids=ids, request=request),
            fields=ATTACHED_FIELDS,
            description="The attached files, by slot.",
        ),
        NestedListing(
            on=ItemDTO,
            name="history",
            dto=AuditRecordDTO,
            key=lambda item: item.id,
            query=lambda ids, request: ListHistories(entity="item", entity_ids=ids, request=request),
            fields=AUDIT_FIELDS,
            description="Its changes in the audit trail, for owners and admins.",
        ),
    ),
)
