"""Users: everybody sees themselves, platform administrators see all."""

from typing import Final

from api_base.application.users.dtos import UserDTO
from api_base.application.users.queries import USER_FIELDS, GetProfile, GetUsersByIds, ListUsers
from api_base.interface.graphql.declared import GraphQL, Listing, Node, Single

USERS: Final = GraphQL(
    nodes=(Node(name="User", dto=UserDTO, by_ids=lambda ids: GetUsersByIds(ids=ids), path="/users"),),
    listings=(
        Listing(
            name="users",
            dto=UserDTO,
            query=lambda request: ListUsers(request=request),
            fields=USER_FIELDS,
            description="All users, for platform administrators.",
        ),
    ),
    singles=(Single(name="me", query=GetProfile, dto=UserDTO, description="The caller."),),
)
