"""/docs: Swagger UI 5.35.0 (npm swagger-ui-dist, Apache-2.0), vendored.

It loads nothing from other hosts and has no inline code, so it works offline and under a strict content security policy. "Authorize" logs
in with the OAuth2 password form.
"""

from html import escape
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from api_base.interface.errors.http import RouteNotFound

ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "init.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_FOLDER: Final = Path(__file__).parent / "docs_assets"
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/init.js"></script>
</body>
</html>
"""


def routes(title: str) -> APIRouter:
    """Serve the page, titled `title`, and its assets."""
    router = APIRouter(include_in_schema=False)
    page = _PAGE.format(title=escape(title))

    @router.api_route("/docs", methods=["GET", "HEAD"])
    async def docs() -> Response:
        return HTMLResponse(page, headers={"cache-control": "no-cache"})

    @router.api_route("/docs/assets/{name}", methods=["GET", "HEAD"])
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            raise RouteNotFound
        return FileResponse(_FOLDER / name, media_type=ASSETS[name], headers={"cache-control": "public, max-age=86400"})

    return router
