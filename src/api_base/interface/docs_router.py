"""Pages from npm, vendored: /docs is Swagger UI 5.35.0 (swagger-ui-dist, Apache-2.0), /docs/reference is Scalar 1.76.0 (@scalar/api-reference, MIT),
/docs/graphiql is GraphiQL 2.4.7 with React 18.3.1 (MIT).

They load nothing from other hosts and have no inline code, so they work offline and under a strict content security policy. Swagger UI and Scalar
log in with the OAuth2 password form; GraphiQL takes an access token among its headers. None keeps it.
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
    "scalar.js": "text/javascript",
    "scalar-init.js": "text/javascript",
    "graphiql.min.js": "text/javascript",
    "graphiql.min.css": "text/css",
    "graphiql.js": "text/javascript",
    "graphiql-page.css": "text/css",
    "react.production.min.js": "text/javascript",
    "react-dom.production.min.js": "text/javascript",
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
_REFERENCE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: reference</title>
<link rel="icon" href="assets/favicon-32x32.png">
</head>
<body>
<div id="reference"></div>
<script src="assets/scalar.js"></script>
<script src="assets/scalar-init.js"></script>
</body>
</html>
"""
_GRAPHIQL: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: GraphiQL</title>
<link rel="icon" href="assets/favicon-32x32.png">
<link rel="stylesheet" href="assets/graphiql.min.css">
<link rel="stylesheet" href="assets/graphiql-page.css">
</head>
<body>
<div id="graphiql"></div>
<script src="assets/react.production.min.js"></script>
<script src="assets/react-dom.production.min.js"></script>
<script src="assets/graphiql.min.js"></script>
<script src="assets/graphiql.js"></script>
</body>
</html>
"""


def routes(title: str) -> APIRouter:
    """Serve the pages, titled `title`, and their assets."""
    router = APIRouter(include_in_schema=False)
    page, reference, graphiql = (text.format(title=escape(title)) for text in (_PAGE, _REFERENCE, _GRAPHIQL))

    @router.api_route("/docs", methods=["GET", "HEAD"])
    async def docs() -> Response:
        return HTMLResponse(page, headers={"cache-control": "no-cache"})

    @router.api_route("/docs/reference", methods=["GET", "HEAD"])
    async def docs_reference() -> Response:
        return HTMLResponse(reference, headers={"cache-control": "no-cache"})

    @router.api_route("/docs/graphiql", methods=["GET", "HEAD"])
    async def docs_graphiql() -> Response:
        return HTMLResponse(graphiql, headers={"cache-control": "no-cache"})

    @router.api_route("/docs/assets/{name}", methods=["GET", "HEAD"])
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            raise RouteNotFound
        return FileResponse(_FOLDER / name, media_type=ASSETS[name], headers={"cache-control": "public, max-age=86400"})

    return router
