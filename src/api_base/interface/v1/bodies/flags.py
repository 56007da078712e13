"""Request bodies of feature flags. The domain checks a definition, and reports all that is wrong with it."""

from typing import Annotated

from pydantic import Field, JsonValue

from api_base.domain.flags.settings import DESCRIPTION, OWNER
from api_base.interface.v1.bodies.base import Body

Definition = Annotated[dict[str, JsonValue], Field(max_length=50)]
Description = Annotated[str, Field(max_length=DESCRIPTION.max_length)]
Owner = Annotated[str, Field(max_length=OWNER.max_length)]
Time = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]


class CreateFlagBody(Body):
    definition: Definition
    description: Description = ""
    owner: Owner = ""
    protected: bool = False
    tracked: bool = False
    stale_after: Time | None = None


class PatchFlagBody(Body):
    """A merge patch: missing members stay unchanged; null removes optional ones, also within the definition."""

    definition: Definition = Field(default_factory=dict)
    description: Description | None = None
    owner: Owner | None = None
    protected: bool = False
    archived: bool = False
    tracked: bool = False
    stale_after: Time | None = None
