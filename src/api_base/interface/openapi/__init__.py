"""The OpenAPI 3.1 document: FastAPI's, completed with the declarations of the routes. See `document.py`."""

from api_base.interface.openapi.document import install, routes

__all__ = ["install", "routes"]
