"""`Settings`: everything that can be configured."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from api_base.core.config.database import DatabaseSettings
from api_base.core.config.files import FileSettings
from api_base.core.config.graphql import GraphQLSettings
from api_base.core.config.mcp import McpSettings
from api_base.core.config.messaging import CacheSettings, EventSettings, JobSettings, LocksSettings, MailSettings, RemoteSettings
from api_base.core.config.observability import ObservabilitySettings
from api_base.core.config.realtime import RealtimeSettings
from api_base.core.config.search import SearchSettings
from api_base.core.config.security import AuditSettings, AuthSettings, RateLimitSettings, SecuritySettings
from api_base.core.config.server import ResilienceSettings, ServerSettings
from api_base.core.config.sources import EnvironmentFileSource, EnvironmentSource
from api_base.core.config.storage import ScannerSettings, StorageSettings
from api_base.core.config.values import context_name, context_path, plan_name
from api_base.core.config.versions import VersionSettings
from api_base.core.config.websocket import WebSocketSettings

Environment = Literal["development", "test", "production"]


class Settings(BaseSettings):
    """Variables without a prefix; sections are separated by `__` (`DATABASE__URL`)."""

    model_config = SettingsConfigDict(
        env_file=".env", env_nested_delimiter="__", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    app_name: str = Field("My API", min_length=1, max_length=100)
    """Title of the API in its documentation and logs."""
    environment: Environment = "development"
    """`production` refuses unsafe settings."""
    contexts: tuple[Annotated[str, AfterValidator(context_path)], ...] = ()
    """Contexts in addition to the built-in ones, as `package.module:ATTRIBUTE`."""
    contexts_disabled: tuple[Annotated[str, AfterValidator(context_name)], ...] = ()
    """Built-in contexts to leave out, such as `items`, which is a sample: their routes, messages, tables, revisions and documentation. Their tables
    stay in a database that has them; without the name here, they are used again."""
    plans: tuple[Annotated[str, AfterValidator(plan_name)], ...] = ("standard",)
    """Plans of tenants, which platform administrators choose among. A new tenant has the plan `standard`, which must be one of them."""
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    """PostgreSQL."""
    server: ServerSettings = Field(default_factory=ServerSettings)
    """HTTP."""
    security: SecuritySettings = Field(default_factory=SecuritySettings)
    """Tokens, passwords."""
    auth: AuthSettings = Field(default_factory=AuthSettings)
    """Registration."""
    rate_limit: RateLimitSettings = Field(default_factory=RateLimitSettings)
    """Limits per client address."""
    cache: CacheSettings = Field(default_factory=CacheSettings)
    """The cache."""
    locks: LocksSettings = Field(default_factory=LocksSettings)
    """Which worker does what one worker at a time may do."""
    events: EventSettings = Field(default_factory=EventSettings)
    """Events."""
    jobs: JobSettings = Field(default_factory=JobSettings)
    """Background jobs."""
    mail: MailSettings = Field(default_factory=MailSettings)
    """Mail."""
    mcp: McpSettings = Field(default_factory=McpSettings)
    """The MCP server."""
    realtime: RealtimeSettings = Field(default_factory=RealtimeSettings)
    """Events for connected clients."""
    remote: RemoteSettings = Field(default_factory=RemoteSettings)
    """Messages between services."""
    scanner: ScannerSettings = Field(default_factory=ScannerSettings)
    """The scanner of malware."""
    storage: StorageSettings = Field(default_factory=StorageSettings)
    """Files."""
    files: FileSettings = Field(default_factory=FileSettings)
    """Files that tenants upload."""
    graphql: GraphQLSettings = Field(default_factory=GraphQLSettings)
    """GraphQL."""
    search: SearchSettings = Field(default_factory=SearchSettings)
    """Search."""
    audit: AuditSettings = Field(default_factory=AuditSettings)
    """The audit trail."""
    resilience: ResilienceSettings = Field(default_factory=ResilienceSettings)
    """Outbound calls."""
    observability: ObservabilitySettings = Field(default_factory=ObservabilitySettings)
    """Logs, metrics, traces."""
    versions: VersionSettings = Field(default_factory=VersionSettings)
    """Versions of the API."""
    websocket: WebSocketSettings = Field(default_factory=WebSocketSettings)
    """WebSockets."""

    @field_validator("plans")
    @classmethod
    def _plan_of_new_tenants(cls, plans: tuple[str, ...]) -> tuple[str, ...]:
        if "standard" not in plans:
            raise ValueError("must contain standard, the plan of a new tenant")
        return plans

    @property
    def registration(self) -> Literal["open", "verified", "invited"]:
        """`auth.registration` with `auto` resolved."""
        chosen = self.auth.registration
        if chosen == "auto":
            return "verified" if self.environment == "production" else "open"
        return chosen

    @property
    def public_url(self) -> str:
        """`server.public_url`, or the address that the server listens on."""
        return self.server.public_url or f"http://{self.server.host}:{self.server.port}"

    @property
    def mcp_url(self) -> str:
        """The URL of the MCP server: the audience of its tokens."""
        return f"{self.public_url}/mcp"

    @property
    def mcp_mode(self) -> Literal["off", "read", "write"]:
        """`mcp.mode` with `auto` resolved."""
        chosen = self.mcp.mode
        if chosen == "auto":
            return "off" if self.environment == "production" and self.server.public_url is None else "write"
        return chosen

    @property
    def shows_internals(self) -> bool:
        """`server.documents` with `auto` resolved."""
        chosen = self.server.documents
        return chosen == "public" or (chosen == "auto" and self.environment != "production")

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
