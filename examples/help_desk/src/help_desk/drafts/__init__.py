"""The context `drafts`: what a user writes before anybody else may see it."""

from dataclasses import dataclass
from typing import Annotated

from api_base import Resource, ResourceDTO, TextRule, UserId, crud
from help_desk.desk import of_desk


@dataclass(slots=True, kw_only=True, eq=False)
class Draft(Resource):
    user_id: UserId
    title: Annotated[str, TextRule(max_length=200)]
    body: Annotated[str, TextRule(max_length=20_000, lines=True, optional=True)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDTO(ResourceDTO):
    title: str
    body: str


DRAFTS = crud(Draft, DraftDTO, name="drafts", filters=("title",), sorts=("title", "created_at"))
CONTEXT = of_desk(DRAFTS.context())
