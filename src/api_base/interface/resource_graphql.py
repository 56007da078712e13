"""The types of GraphQL of a plain resource; the mutations come from its routes."""

from typing import Any

from api_base.application.common.resources import GetResources
from api_base.core.shared.naming import camel
from api_base.interface.graphql.declared import GraphQL, Listing, Node
from api_base.interface.resource_routes import ResourceRoutes


def resource_graphql(resource: ResourceRoutes[Any], name: str, get_many: type[GetResources[Any]], channel: str | None) -> GraphQL:
    """Return the node `name` and the list. `channel` is the kind of the live channel of the resource."""
    node = Node(
        name=name,
        dto=resource.dto,
        by_ids=lambda ids: get_many(ids=ids),
        path=resource.path,
        channel=channel,
    )
    listing = Listing(
        name=camel(resource.plural),
        dto=resource.dto,
        query=lambda request: resource.list(request=request),
        fields=resource.fields,
        searchable=resource.searchable,
        description=f"The {resource.plural.replace('_', ' ')} that the caller may read.",
    )
    return GraphQL(nodes=(node,), listings=(listing,))
