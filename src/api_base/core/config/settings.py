"""`Settings`: everything that can be configured. Read once at start; every problem is reported at once, by variable name."""

from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from api_base.core.config.database import DatabaseSettings
from api_base.core.config.observability import ObservabilitySettings
from api_base.core.config.production import unsafe_in_production
from api_base.core.config.rate_limit import RateLimitSettings
from api_base.core.config.resilience import ResilienceSettings
from api_base.core.config.security import SecuritySettings
from api_base.core.config.server import ServerSettings
from api_base.core.errors import ConfigurationError

Environment = Literal["development", "test", "production"]


class Settings(BaseSettings):
    """Variables without a prefix; sections are separated by `__` (`DATABASE__URL`)."""

    model_config = SettingsConfigDict(env_file=".env", env_nested_delimiter="__", extra="ignore", frozen=True)

    app_name: str = Field("My API", min_length=1, max_length=100, description="Title of the API in its documentation and logs.")
    environment: Environment = Field("development", description="`production` refuses unsafe settings.")
    debug: bool = Field(False, description="Log at debug level and reload on change. Never in production.")
    contexts: tuple[str, ...] = Field((), description="Contexts beside the built-in ones, as `package.module:ATTRIBUTE`.")
    database: DatabaseSettings = Field(default_factory=DatabaseSettings, description="PostgreSQL.")
    server: ServerSettings = Field(default_factory=ServerSettings, description="HTTP.")
    security: SecuritySettings = Field(default_factory=SecuritySettings, description="Tokens, passwords.")
    rate_limit: RateLimitSettings = Field(default_factory=RateLimitSettings, description="Limits by address.")
    resilience: ResilienceSettings = Field(default_factory=ResilienceSettings, description="Outbound calls.")
    observability: ObservabilitySettings = Field(default_factory=ObservabilitySettings, description="Logs, metrics, traces.")


def load_settings() -> Settings:
    """Read the environment. Raises `ConfigurationError` with every problem, one in a line, by variable name."""
    try:
        settings = Settings()
    except ValidationError as error:
        problems = [f"{'__'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise ConfigurationError("The configuration cannot be used:\n" + "\n".join(f"  {p}" for p in problems)) from None
    problems = unsafe_in_production(settings) if settings.environment == "production" else []
    if problems:
        raise ConfigurationError("ENVIRONMENT=production refuses this configuration:\n" + "\n".join(f"  {p}" for p in problems))
    return settings
