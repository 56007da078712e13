"""What an ASGI server loads: `uvicorn --factory api_base.main:create_app`."""

from fastapi import FastAPI

from api_base.bootstrap import application
from api_base.bootstrap.contexts import contexts_of
from api_base.core.config import load_settings


def create_app() -> FastAPI:
    """The application as the environment configures it. Raises `ConfigurationError`."""
    settings = load_settings()
    return application.create_app(settings, contexts_of(settings))
