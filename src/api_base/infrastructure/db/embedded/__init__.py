"""The embedded PostgreSQL server from a wheel, for development and tests: found, started and stopped here."""

from api_base.infrastructure.db.embedded.server import EmbeddedServer
from api_base.infrastructure.db.embedded.urls import Urls

__all__ = ["EmbeddedServer", "Urls"]
