"""The application as shipped, but for what units of work write beside the state: no audit, no outbox, nobody told of events."""

from dependency_injector import providers
from fastapi import FastAPI

from api_base.bootstrap.application import create_app as shipped
from api_base.bootstrap.container import Container
from api_base.core.config import load_settings
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWorkFactory


def create_app() -> FastAPI:
    """For `uvicorn --factory`."""
    Container.unit_of_work.override(providers.Singleton(SqlUnitOfWorkFactory, Container.database.provided.pool, providers.List(), None))
    Container.event_signal.override(providers.Object(lambda: None))
    return shipped(load_settings())
