"""The adapters of `DATABASE__URL`: the embedded server, or a server at a URL."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final

from api_base.core.config import Settings
from api_base.core.di import Adapter, check_url

if TYPE_CHECKING:
    from api_base.infrastructure.db.embedded import Urls

type Source = AbstractContextManager[tuple[Urls, Callable[[], str | None]]]
"""The URLs of the roles, and a function that a long-lived process calls regularly. It returns a message if it repaired something."""


def configured(settings: Settings) -> "Urls":
    """Return the configured URLs. A role without its own URL uses `DATABASE__URL`."""
    from api_base.infrastructure.db.embedded import Urls

    database = settings.database
    return Urls(
        owner=database.url_of("owner"),
        app=database.url.get_secret_value(),
        worker=database.url_of("worker"),
        direct=database.url_of("direct"),
    )


@contextmanager
def _configured(settings: Settings) -> Iterator["tuple[Urls, Callable[[], str | None]]"]:
    yield configured(settings), lambda: None


@contextmanager
def _embedded(settings: Settings) -> Iterator["tuple[Urls, Callable[[], str | None]]"]:
    from api_base.infrastructure.db.embedded import EmbeddedServer

    server = EmbeddedServer(settings.database.data_dir / "postgres", port=settings.database.embedded_port)
    urls = server.start()
    try:
        yield urls, server.ensure_running
    finally:
        server.stop()


def validate(url: str) -> None:
    """Raise `ValueError` if `url` is malformed, without the URL in its message: the wrong part is often the password."""
    check_url(url, "postgresql://user:password@host:port/database", lambda parts: parts.scheme in ("postgresql", "postgres"))


EMBEDDED: Final = Adapter[Settings, Source](
    build=_embedded,
    url="embedded://",
    summary="The PostgreSQL server in a wheel. The first process starts it, later processes attach to it.",
    extra="embedded",
    unsafe="the embedded server is for development",
)
POSTGRESQL: Final = Adapter[Settings, Source](
    build=_configured,
    url="postgresql://user:password@host:port/database",
    summary="A PostgreSQL server, version 16 or newer.",
    validate=validate,
)
