"""Limits by address, before any signature is checked."""

from pydantic import BaseModel, ConfigDict, Field


class RateLimitSettings(BaseModel):
    """Variables `RATE_LIMIT__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field("memory://", pattern=r"^memory://$", description="Where limits are counted: `memory://`, per process.")
    requests: int = Field(1200, ge=1, description="Requests per address and minute.")
    burst: int = Field(200, ge=1, description="Requests that an address may send at once.")
    login_requests: int = Field(20, ge=1, description="Logins, registrations and refreshes per address and minute.")
    login_burst: int = Field(10, ge=1, description="Logins, registrations and refreshes that an address may send at once.")
    failed_tokens: int = Field(30, ge=1, description="Requests with a bad token per address and minute.")
