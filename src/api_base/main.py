"""What an ASGI server loads: `uvicorn --factory api_base.main:create_app`."""

from fastapi import FastAPI

from api_base.bootstrap import application
from api_base.bootstrap.configuration import load


def create_app() -> FastAPI:
    """The application as the environment configures it. Raises `ConfigurationError`."""
    settings, contexts = load("server")
    return application.create_app(settings, contexts)
