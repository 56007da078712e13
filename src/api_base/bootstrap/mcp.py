"""The MCP server: what the contexts expose, checked at start; the SDK is imported by the first request."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter

import api_base
from api_base.bootstrap.services import Services
from api_base.bootstrap.wiring_check.events import named_events
from api_base.interface import events_router
from api_base.interface.errors import pages
from api_base.interface.mcp import router
from api_base.interface.mcp.catalogue import Catalogue
from api_base.interface.mcp.declared import Document
from api_base.interface.mcp.request import Hosts
from api_base.interface.routes.rendering import encode
from api_base.interface.routes.versions import API

if TYPE_CHECKING:
    from api_base.interface.mcp.endpoint import Endpoint


def mcp_routers(services: Services) -> list[tuple[str, APIRouter]]:
    """Return the routes of the MCP server; none if it is off."""
    settings, container = services.settings, services.container
    if settings.mcp_mode == "off":
        return []
    exposed = [one for context in services.contexts for one in context.mcp]
    catalogue = Catalogue(services.bus, container.checker, exposed)
    hosts = Hosts(settings.public_url, settings.server.allowed_hosts, settings.server.cors_origins)
    issuer = settings.security.issuer
    url = issuer if issuer.startswith("https://") else settings.public_url

    def make() -> "Endpoint":
        return _endpoint(services, catalogue)

    return [
        (API, router.token_routes(services.bus)),
        ("", router.routes(make, hosts, settings.public_url, url, settings.app_name)),
    ]


def _endpoint(services: Services, catalogue: Catalogue) -> "Endpoint":
    from api_base.interface.mcp.endpoint import Endpoint
    from api_base.interface.mcp.handlers import Handlers
    from api_base.interface.mcp.tasks import Tasks

    settings, container = services.settings, services.container
    handlers = Handlers(
        catalogue,
        services.bus,
        container.feature_flags,
        container.mcp_call_log,
        _documents(services),
        settings.mcp_mode,
        router.challenge(settings.public_url),
    )
    return Endpoint(
        handlers, Tasks(services.bus, handlers.record, settings.jobs.keep_days * 86_400_000), settings.app_name, api_base.__version__
    )


def _documents(services: Services) -> Mapping[str, Document]:
    """The schemas of the events, and the documentation."""
    found = {
        f"events/{event.name}.json": Document(
            title=f"Data of the event {event.name}",
            media_type="application/schema+json",
            content=encode(events_router.data_schema(event)).decode(),
        )
        for context in services.contexts
        for event in named_events(context)
    }
    return found | {f"docs/problems/{kind}.md": _page(pages.page(kind)) for kind in pages.KINDS} | _pages()


def _pages() -> dict[str, Document]:
    """The pages of the documentation that the package contains."""
    return {f"docs/{page.name}": _page(page.read_text()) for page in Path(api_base.__file__).with_name("docs").glob("*.md")}


def _page(content: str) -> Document:
    return Document(title=content.partition("\n")[0].lstrip("# "), media_type="text/markdown", content=content)
