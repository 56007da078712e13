"""The OpenAPI 3.1 document: FastAPI's, completed by what our routes declare. See `document.py`."""

from api_base.interface.openapi.document import install

__all__ = ["install"]
