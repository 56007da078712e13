"""The application as shipped, without the stage that caches queries: what `benchmarks.cache` compares with."""

from unittest import mock

from fastapi import FastAPI

from api_base.infrastructure.cache.query_cache import QueryCache
from api_base.main import create_app as shipped


def create_app() -> FastAPI:
    with mock.patch.object(QueryCache, "__call__", lambda stage, message_type, call_next: call_next):
        return shipped()
