"""How a process finds its database: the URLs of the settings, or the embedded server, attached to where one runs and started where none does."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded import EmbeddedServer, Urls


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """`settings` with real URLs in them. An embedded server that none ran before lasts as long as the context.

    Raises `ConfigurationError` in one sentence where the embedded server cannot run.
    """
    if not settings.database.embedded:
        yield settings
        return
    server = EmbeddedServer(settings.database.data_dir, port=settings.database.embedded_port)
    try:
        yield with_urls(settings, server.start())
    finally:
        server.stop()


def attached(settings: Settings) -> Settings:
    """The same for a process that must not start a server. Raises `ConfigurationError` where none runs."""
    if not settings.database.embedded:
        return settings
    urls = EmbeddedServer(settings.database.data_dir).attach()
    if urls is None:
        raise ConfigurationError(
            f"No embedded PostgreSQL runs in {settings.database.data_dir.absolute()}: start `api-base serve`, or set DATABASE__URL."
        )
    return with_urls(settings, urls)


def with_urls(settings: Settings, urls: Urls) -> Settings:
    """`settings` that name the server of `urls`."""
    named = {
        "url": SecretStr(urls.app),
        "owner_url": SecretStr(urls.owner),
        "worker_url": SecretStr(urls.worker),
        "direct_url": SecretStr(urls.direct),
    }
    return settings.model_copy(update={"database": settings.database.model_copy(update=named)})


def urls_of(settings: Settings) -> Urls:
    """The URLs in `settings`; a role without its own has the one that serves."""
    database = settings.database
    app = database.url.get_secret_value()

    def or_app(url: SecretStr | None) -> str:
        return app if url is None else url.get_secret_value()

    return Urls(owner=or_app(database.owner_url), app=app, worker=or_app(database.worker_url), direct=or_app(database.direct_url))


def variables(settings: Settings) -> dict[str, str]:
    """The URLs in `settings` as environment variables, for a child process."""
    urls = urls_of(settings)
    return {
        "DATABASE__URL": urls.app,
        "DATABASE__OWNER_URL": urls.owner,
        "DATABASE__WORKER_URL": urls.worker,
        "DATABASE__DIRECT_URL": urls.direct,
    }
