"""The application as shipped, except that units of work write only state: no audit, no outbox, no notifications."""

from dependency_injector import providers
from fastapi import FastAPI

from api_base.bootstrap.application import create_app as shipped
from api_base.bootstrap.container import Container
from api_base.core.config import load_settings
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWorkFactory


def create_app() -> FastAPI:
    """The application for `uvicorn --factory`."""
    Container.unit_of_work.override(providers.Singleton(SqlUnitOfWorkFactory, Container.database.provided.pool, providers.List(), None))
    Container.event_signal.override(providers.Object(lambda: None))
    return shipped(load_settings())
