"""Settings of the MCP server."""

from typing import Literal

from pydantic import Field

from api_base.core.config.values import Section

McpMode = Literal["auto", "off", "read", "write"]


class McpSettings(Section):
    """Variables `MCP__…`."""

    mode: McpMode = "auto"
    """Which tools MCP clients may call: `write` all, `read` those that change nothing, `off` none: then `/mcp` does not exist. `auto`: `off`
    in production without `SERVER__PUBLIC_URL`, otherwise `write`. The feature flag `mcp-mode` lowers it for a tenant."""
    max_token_days: int = Field(90, ge=1, le=366)
    """Longest lifetime of a token for an MCP client, in days."""
    tokens_per_user: int = Field(20, ge=1, le=1000)
    """Tokens for MCP clients that a user may have at the same time."""
