"""Select the adapter of each port by the settings, among the built-in adapters and those of contexts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from api_base.bootstrap.adapters import BUILT_IN, DATABASE, Adapters
from api_base.core.config import Problems, Settings, read_settings
from api_base.core.di import Adapter, Selection, missing_extra
from api_base.core.errors import ConfigurationError

if TYPE_CHECKING:
    from api_base.application.common.events import EventTransport
    from api_base.application.common.remote import RemoteTransport
    from api_base.core.protocols import Caches, Mailer, ObjectStorage, RateLimiter, Scanner, SearchIndex
    from api_base.infrastructure.adapter_ports import AdapterPorts
    from api_base.infrastructure.db.sources import Source
    from api_base.infrastructure.locks.leadership import Leadership
    from api_base.infrastructure.realtime.signals import Signals
    from api_base.infrastructure.tasks.backend import JobBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class Selections:
    """The selected adapter of each port."""

    cache: "Selection[AdapterPorts, Caches]"
    mail: "Selection[AdapterPorts, Mailer]"
    events: "Selection[AdapterPorts, EventTransport]"
    jobs: "Selection[AdapterPorts, JobBackend]"
    locks: "Selection[AdapterPorts, Leadership]"
    rate_limit: "Selection[AdapterPorts, RateLimiter]"
    realtime: "Selection[AdapterPorts, Signals]"
    remote: "Selection[AdapterPorts, RemoteTransport]"
    scanner: "Selection[AdapterPorts, Scanner]"
    storage: "Selection[AdapterPorts, ObjectStorage]"
    search: "Selection[AdapterPorts, SearchIndex]"

    @classmethod
    def of(cls, settings: Settings, added: Sequence[Adapters] = ()) -> Self:
        """Select among the built-in adapters and those `added`. Raises `ConfigurationError` if two have the same port and scheme."""
        groups = (BUILT_IN, *added)
        return cls(
            cache=Selection("CACHE__URL", _text(settings.cache.url), _merged("cache", [group.cache for group in groups])),
            mail=Selection("MAIL__URL", _text(settings.mail.url), _merged("mail", [group.mail for group in groups])),
            events=Selection("EVENTS__URL", _text(settings.events.url), _merged("events", [group.events for group in groups])),
            jobs=Selection("JOBS__URL", _text(settings.jobs.url), _merged("jobs", [group.jobs for group in groups])),
            locks=Selection("LOCKS__URL", _text(settings.locks.url), _merged("locks", [group.locks for group in groups])),
            rate_limit=Selection(
                "RATE_LIMIT__URL", _text(settings.rate_limit.url), _merged("rate_limit", [group.rate_limit for group in groups])
            ),
            realtime=Selection("REALTIME__URL", _text(settings.realtime.url), _merged("realtime", [group.realtime for group in groups])),
            remote=Selection("REMOTE__URL", _text(settings.remote.url), _merged("remote", [group.remote for group in groups])),
            scanner=Selection("SCANNER__URL", _text(settings.scanner.url), _merged("scanner", [group.scanner for group in groups])),
            storage=Selection("STORAGE__URL", _text(settings.storage.url), _merged("storage", [group.storage for group in groups])),
            search=Selection("SEARCH__URL", _text(settings.search.url), _merged("search", [group.search for group in groups])),
        )

    def by_port(self) -> "Mapping[str, Selection[AdapterPorts, object]]":
        """Return every selection, by the name of its port."""
        return {
            "cache": self.cache,
            "mail": self.mail,
            "events": self.events,
            "jobs": self.jobs,
            "locks": self.locks,
            "rate limit": self.rate_limit,
            "realtime": self.realtime,
            "remote": self.remote,
            "scanner": self.scanner,
            "storage": self.storage,
            "search": self.search,
        }


def database(settings: Settings) -> "Selection[Settings, Source]":
    """Return the source of the database."""
    return Selection("DATABASE__URL", _text(settings.database.url), DATABASE)


def select(settings: Settings, added: "Sequence[Adapters]" = ()) -> tuple[Selections, Problems]:
    """Select the adapters, and return what is wrong with the selection: URLs that no adapter accepts, extras that are not installed."""
    selections = Selections.of(settings, added)
    roles = {
        "DATABASE__OWNER_URL": settings.database.owner_url,
        "DATABASE__WORKER_URL": settings.database.worker_url,
        "DATABASE__DIRECT_URL": settings.database.direct_url,
    }
    databases = [database(settings), *(Selection(variable, _text(url), DATABASE) for variable, url in roles.items())]
    ports = selections.by_port().values()
    invalid = [*(selection.problem() for selection in databases), *(selection.problem() for selection in ports)]
    if settings.observability.otlp_endpoint is not None and (missing := missing_extra("otlp")):
        invalid.append(f"OBSERVABILITY__OTLP_ENDPOINT: {missing}")
    unsafe = [*(selection.unsafe() for selection in databases), *(selection.unsafe() for selection in ports)]
    refused = unsafe if settings.environment == "production" else ()
    return selections, Problems([line for line in invalid if line], [line for line in refused if line])


def load_settings_early() -> Settings:
    """Read the settings for a process that wires nothing, without importing contexts unless the settings have a problem.

    Raises `ConfigurationError` with every problem, one per line.
    """
    settings, problems = read_settings("supervisor")
    selected = select(settings)[1]
    if not problems and not selected:
        return settings
    from api_base.bootstrap.configuration import load  # a context may bring the adapter that seems to be missing

    return load("supervisor")[0]


def _merged[P, T](port: str, groups: Sequence[Mapping[str, Adapter[P, T]]]) -> Mapping[str, Adapter[P, T]]:
    merged: dict[str, Adapter[P, T]] = {}
    for group in groups:
        if twice := sorted(merged.keys() & group.keys()):
            raise ConfigurationError(
                f"Two adapters of the port {port} have the scheme {twice[0]!r}: rename the scheme of a context's adapter."
            )
        merged |= group
    return merged


def _text(url: SecretStr | str | None) -> str | None:
    return url.get_secret_value() if isinstance(url, SecretStr) else url
