"""The field `search`."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from api_base.application.search.dtos import SearchPageDTO
from api_base.interface.graphql.fields import REQUIRED, field
from api_base.interface.graphql.types import Types
from api_base.interface.v1.search import DEFAULT_HITS, search_of


def search_field(types: Types) -> StrawberryField:
    """Return the field, with the arguments and rules of the REST API."""

    async def resolve(root: Any, info: Info, **given: Any) -> SearchPageDTO:
        del root
        values = {"q": given["q"], "limit": str(given["first"])}
        if isinstance(given.get("after"), str):
            values["cursor"] = given["after"]
        found: SearchPageDTO = await info.context.bus.execute(search_of(values, given.get("indexes") or (), given.get("facets") or ()))
        return found

    about = strawberry.argument
    names = list[str] | None
    arguments = {
        "q": (Annotated[str, about(description="The text to search for; words in double quotes are a phrase.")], REQUIRED),
        "indexes": (Annotated[names, about(description="Indexes. Default: all that you may read.")], None),
        "facets": (Annotated[names, about(description="Fields whose values are counted.")], None),
        "first": (Annotated[int, about(description="Hits of the page.")], DEFAULT_HITS),
        "after": (Annotated[str | None, about(description="nextCursor of the page before.")], UNSET),
    }
    return field(resolve, types.of(SearchPageDTO) | None, "Everything that you may read, by text.", arguments)
