"""Who may register."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class AuthSettings(BaseModel):
    """Variables `AUTH__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    registration: Literal["auto", "open", "verified", "invited"] = Field(
        "auto",
        description="`open`: at once, and a known address is told. `verified`: by a link in a mail. `invited`: by an invitation only. "
        "`auto`: `verified` in production, else `open`.",
    )
