"""Resolves the database of a command: the configured one, or the embedded server, which is started for the command if it does not run."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import Urls


@contextmanager
def database(settings: Settings) -> Iterator[Urls]:
    """The URLs of the three roles. An embedded server that was started here is stopped at the end of the block."""
    with supervised_database(settings) as (urls, _):
        yield urls


@contextmanager
def supervised_database(settings: Settings) -> Iterator[tuple[Urls, Callable[[], str | None]]]:
    """Like `database`, with `EmbeddedServer.ensure_running` for a long-running caller, which calls it repeatedly."""
    if not settings.database.embedded:
        yield configured(settings), lambda: None
        return
    from api_base.infrastructure.db.embedded import EmbeddedServer

    server = EmbeddedServer(settings.database.data_dir / "postgres", port=settings.database.embedded_port)
    urls = server.start()
    try:
        yield urls, server.ensure_running
    finally:
        server.stop()


def configured(settings: Settings) -> Urls:
    """The configured URLs. A role without a URL of its own uses `DATABASE__URL`."""
    database = settings.database
    return Urls(
        owner=_text(database.owner_url or database.url),
        app=_text(database.url),
        worker=_text(database.worker_url or database.url),
        direct=_text(database.direct_url or database.url),
    )


def on(settings: Settings, urls: Urls) -> Settings:
    """The same settings with `urls` in place of `embedded://`."""
    return settings.model_copy(
        update={
            "database": settings.database.model_copy(
                update={
                    "url": SecretStr(urls.app),
                    "owner_url": SecretStr(urls.owner),
                    "worker_url": SecretStr(urls.worker),
                    "direct_url": SecretStr(urls.direct),
                }
            )
        }
    )


def environment(settings: Settings, urls: Urls) -> dict[str, str]:
    """The environment of child processes. It names the embedded server; a configured database is in the environment already."""
    if not settings.database.embedded:
        return dict(os.environ)
    return {
        **os.environ,
        "DATABASE__URL": urls.app,
        "DATABASE__OWNER_URL": urls.owner,
        "DATABASE__WORKER_URL": urls.worker,
        "DATABASE__DIRECT_URL": urls.direct,
    }


def _text(url: SecretStr) -> str:
    return url.get_secret_value()
