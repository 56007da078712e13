"""Resolves the database of a command: the configured one, or the embedded server, which is started for the command if it does not run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from api_base.bootstrap import selections
from api_base.core.config import Settings
from api_base.core.shared.least_privilege import Kind, environment_for
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.sources import Source


@contextmanager
def database(settings: Settings) -> Iterator[Urls]:
    """Return the URLs of the three roles. An embedded server that was started here is stopped at the end of the block."""
    with supervised_database(settings) as (urls, _):
        yield urls


def supervised_database(settings: Settings) -> Source:
    """Return the same for a long-lived process, and a function to call regularly, which keeps an embedded server running."""
    return selections.database(settings).build(settings)


def on(settings: Settings, urls: Urls) -> Settings:
    """Return the settings with `urls` in place of `embedded://`."""
    secrets = {name: SecretStr(url) for name, url in _by_setting(urls).items()}
    return settings.model_copy(update={"database": settings.database.model_copy(update=secrets)})


def environment(kind: Kind, settings: Settings, urls: Urls) -> dict[str, str]:
    """Return the environment of a child process of this kind.

    It contains the URLs of the embedded server; those of a configured database are already in it.
    """
    if not settings.database.embedded:
        return environment_for(kind, os.environ)
    ours = {f"DATABASE__{name.upper()}": url for name, url in _by_setting(urls).items()}
    return environment_for(kind, os.environ | ours)


def _by_setting(urls: Urls) -> dict[str, str]:
    return {"url": urls.app, "owner_url": urls.owner, "worker_url": urls.worker, "direct_url": urls.direct}
