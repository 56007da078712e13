"""Rate limits per client address, checked before tokens."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api_base.core.config.values import ServiceUrl


class RateLimitSettings(BaseModel):
    """Variables `RATE_LIMIT__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: ServiceUrl = Field(SecretStr("memory://"), description="Where requests are counted: `memory://`, per process.")
    requests: int = Field(1200, ge=1, description="Requests per address and minute.")
    burst: int = Field(200, ge=1, description="Requests that an address may send in a burst.")
    login_requests: int = Field(20, ge=1, description="Logins, registrations and refreshes per address and minute.")
    login_burst: int = Field(10, ge=1, description="Logins, registrations and refreshes that an address may send in a burst.")
    failed_tokens: int = Field(30, ge=1, description="Requests with a bad token per address and minute.")
