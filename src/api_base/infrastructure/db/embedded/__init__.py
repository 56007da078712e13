"""The PostgreSQL server that comes as a wheel: for development and tests, started and stopped by us."""

from api_base.infrastructure.db.embedded.server import EmbeddedServer
from api_base.infrastructure.db.embedded.urls import Urls

__all__ = ["EmbeddedServer", "Urls"]
