"""Where events go after their commit."""

from pydantic import BaseModel, ConfigDict, Field


class EventSettings(BaseModel):
    """Variables `EVENTS__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field("database://", pattern=r"^database://$", description="Where events are published: `database://`, to subscribers here.")
