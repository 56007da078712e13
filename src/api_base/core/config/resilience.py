"""Limits of outbound calls, per dependency and process."""

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
    window_seconds: float = Field(30.0, gt=0, le=3600, description="Seconds over which the circuit breaker counts calls.")
    minimum_calls: int = Field(10, ge=1, le=100_000, description="Calls in that time below which the circuit does not open.")
    failure_rate: float = Field(0.5, gt=0, le=1, description="Fraction of those calls that must fail to open the circuit.")
    slow_seconds: float = Field(5.0, gt=0, le=600, description="Seconds after which a call counts as slow.")
    slow_rate: float = Field(1.0, gt=0, le=1, description="Fraction of those calls that must be slow to open the circuit.")
    open_seconds: float = Field(30.0, gt=0, le=3600, description="Seconds that an open circuit refuses calls.")
