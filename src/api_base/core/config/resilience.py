"""How outbound calls are bounded: for each dependency and process."""

from pydantic import BaseModel, ConfigDict, Field


class ResilienceSettings(BaseModel):
    """Variables `RESILIENCE__…`. They hold for every dependency but the database, whose pool has bounds of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout: float = Field(10.0, gt=0, le=600, description="Seconds that one attempt of a call may take.")
    attempts: int = Field(3, ge=1, le=10, description="Attempts of a call that may be repeated; 1 retries nothing.")
    concurrent: int = Field(20, ge=1, le=10_000, description="Calls of one dependency under way at once.")
    queued: int = Field(100, ge=0, le=100_000, description="Calls of one dependency that wait beyond those; more are refused.")
    window_seconds: float = Field(30.0, gt=0, le=3600, description="Seconds over which the circuit breaker counts calls.")
    minimum_calls: int = Field(10, ge=1, le=100_000, description="Calls in that time below which the circuit does not open.")
    failure_rate: float = Field(0.5, gt=0, le=1, description="Part of those calls that must fail for the circuit to open.")
    slow_seconds: float = Field(5.0, gt=0, le=600, description="Seconds after which a call counts as slow.")
    slow_rate: float = Field(1.0, gt=0, le=1, description="Part of those calls that must be slow for the circuit to open.")
    open_seconds: float = Field(30.0, gt=0, le=3600, description="Seconds that an open circuit leaves a dependency alone.")
