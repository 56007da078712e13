"""The application for a server that is told where to find it: `uvicorn --factory api_base.main:create_app`.

`api-base serve` does more: it brings the database, migrates, and runs the worker.
"""

from fastapi import FastAPI

from api_base.bootstrap import application
from api_base.bootstrap.database import attached
from api_base.bootstrap.installed import installed_contexts
from api_base.core.config import load_settings


def create_app() -> FastAPI:
    """With the settings of the environment. Raises `ConfigurationError` for each of its problems at once."""
    return application.create_app(attached(load_settings()), installed_contexts())
