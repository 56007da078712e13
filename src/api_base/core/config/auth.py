"""The registration of users."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class AuthSettings(BaseModel):
    """Variables `AUTH__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    registration: Literal["auto", "open", "verified", "invited"] = Field(
        "auto",
        description="`open`: an account exists immediately, and a second registration of an address is refused. `verified`: by a link that is "
        "mailed. `invited`: by invitation only. `auto`: `verified` in production, otherwise `open`.",
    )
