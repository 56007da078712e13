"""The Model Context Protocol: tools and resources over the bus. The SDK is imported by the first request to `/mcp`."""

from api_base.interface.mcp.declared import Exposed, McpResource, Tool

__all__ = ["Exposed", "McpResource", "Tool"]
