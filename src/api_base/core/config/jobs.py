"""Work that is done later."""

from pydantic import BaseModel, ConfigDict, Field


class JobSettings(BaseModel):
    """Variables `JOBS__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field("database://", pattern=r"^database://$", description="What carries jobs to workers: `database://`.")
    concurrency: int = Field(64, ge=1, le=1000, description="Jobs that one worker carries out at the same time.")
    grace_seconds: float = Field(20.0, ge=0, le=600, description="How long jobs in hand may go on when a worker is told to end.")
    keep_days: int = Field(7, ge=7, le=365, description="How long jobs that succeeded are kept, with their results.")
