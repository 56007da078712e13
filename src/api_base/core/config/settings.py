"""`Settings`: everything that can be configured. Read once at start; every problem is reported at once, by variable name."""

from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from api_base.core.config.audit import AuditSettings
from api_base.core.config.auth import AuthSettings
from api_base.core.config.database import DatabaseSettings
from api_base.core.config.events import EventSettings
from api_base.core.config.jobs import JobSettings
from api_base.core.config.mail import MailSettings
from api_base.core.config.observability import ObservabilitySettings
from api_base.core.config.production import unsafe_in_production
from api_base.core.config.rate_limit import RateLimitSettings
from api_base.core.config.remote import RemoteSettings
from api_base.core.config.resilience import ResilienceSettings
from api_base.core.config.security import SecuritySettings
from api_base.core.config.server import ServerSettings
from api_base.core.config.sources import EnvironmentFileSource, EnvironmentSource
from api_base.core.errors import ConfigurationError

Environment = Literal["development", "test", "production"]


class Settings(BaseSettings):
    """Variables without a prefix; sections are separated by `__` (`DATABASE__URL`)."""

    model_config = SettingsConfigDict(env_file=".env", env_nested_delimiter="__", extra="ignore", frozen=True)

    app_name: str = Field("My API", min_length=1, max_length=100, description="Title of the API in its documentation and logs.")
    environment: Environment = Field("development", description="`production` refuses unsafe settings.")
    debug: bool = Field(False, description="Log at debug level. Never in production.")
    contexts: tuple[str, ...] = Field((), description="Contexts beside the built-in ones, as `package.module:ATTRIBUTE`.")
    database: DatabaseSettings = Field(default_factory=DatabaseSettings, description="PostgreSQL.")
    server: ServerSettings = Field(default_factory=ServerSettings, description="HTTP.")
    security: SecuritySettings = Field(default_factory=SecuritySettings, description="Tokens, passwords.")
    auth: AuthSettings = Field(default_factory=AuthSettings, description="Registering.")
    rate_limit: RateLimitSettings = Field(default_factory=RateLimitSettings, description="Limits by address.")
    events: EventSettings = Field(default_factory=EventSettings, description="Events after their commit.")
    jobs: JobSettings = Field(default_factory=JobSettings, description="Work that is done later.")
    mail: MailSettings = Field(default_factory=MailSettings, description="Mail.")
    remote: RemoteSettings = Field(default_factory=RemoteSettings, description="Messages between services.")
    audit: AuditSettings = Field(default_factory=AuditSettings, description="The audit trail.")
    resilience: ResilienceSettings = Field(default_factory=ResilienceSettings, description="Outbound calls.")
    observability: ObservabilitySettings = Field(default_factory=ObservabilitySettings, description="Logs, metrics, traces.")

    @property
    def registration(self) -> Literal["open", "verified", "invited"]:
        """`auth.registration`, decided."""
        chosen = self.auth.registration
        if chosen == "auto":
            return "verified" if self.environment == "production" else "open"
        return chosen

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del env_settings, file_secret_settings
        file = getattr(dotenv_settings, "env_file", None)
        return init_settings, EnvironmentSource(settings_cls), EnvironmentFileSource(settings_cls, env_file=file)


def load_settings() -> Settings:
    """Read the environment. Raises `ConfigurationError` with every problem, one in a line, by variable name."""
    problems: list[str] = []
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [
            "The configuration cannot be used:",
            *(_line(_variable(e["loc"]), e["msg"]) for e in error.errors(include_input=False)),
        ]
        settings = _without([e["loc"] for e in error.errors(include_input=False)])
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The file .env cannot be read: {error.strerror if isinstance(error, OSError) else 'it is not UTF-8'}."
        ) from None
    if settings.environment == "production" and (refused := unsafe_in_production(settings)):
        problems += ["ENVIRONMENT=production refuses this configuration:", *(f"  {problem}" for problem in refused)]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def _without(wrong: list[tuple[int | str, ...]]) -> Settings:
    """The settings with the wrong values left out, so that what else is wrong is told at the same time."""

    class Rest(Settings):
        @model_validator(mode="before")
        @classmethod
        def leave_out(cls, values: dict[str, Any]) -> dict[str, Any]:
            for location in wrong:
                _drop(values, location)
            return values

    return Rest()


def _drop(values: dict[str, Any], location: tuple[int | str, ...]) -> None:
    name, *deeper = location
    inner = values.get(str(name))
    if deeper and isinstance(inner, dict):
        _drop(inner, tuple(deeper))
    else:
        values.pop(str(name), None)


def _variable(location: tuple[int | str, ...]) -> str:
    return "__".join(str(part) for part in location).upper()


def _line(variable: str, message: str) -> str:
    return f"  {variable}: {message.removeprefix('Value error, ')}"
