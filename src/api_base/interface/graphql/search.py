"""Search over everything that the caller may read."""

from typing import Final

from api_base.interface.graphql.declared import GraphQL

SEARCH: Final = GraphQL(search=True)
