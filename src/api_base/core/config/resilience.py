"""Bounds of outbound calls, per dependency and process."""

from pydantic import BaseModel, ConfigDict, Field


class ResilienceSettings(BaseModel):
    """Variables `RESILIENCE__…`. They apply to every dependency except the database, whose pool has its own bounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout_seconds: float = Field(10.0, gt=0, le=600, description="Seconds that one attempt of a call may take.")
    attempts: int = Field(3, ge=1, le=10, description="Attempts of a call that may be repeated; 1 disables retries.")
    concurrency: int = Field(20, ge=1, le=10_000, description="Concurrent calls to one dependency.")
    queue_size: int = Field(
        100, ge=0, le=100_000, description="Calls to one dependency that may wait for one of those; further calls are refused."
    )
    failure_rate: float = Field(
        0.5, gt=0, le=1, description="Fraction of the calls of the last 30 seconds that must fail to open the circuit."
    )
    open_seconds: float = Field(30.0, gt=0, le=3600, description="Seconds that an open circuit refuses calls.")
