"""Which adapter the settings select for each port, among those of the base and of the contexts; and all that is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from api_base.bootstrap.adapters import BUILT_IN, DATABASE, Adapters
from api_base.core.config import Settings
from api_base.core.di import Adapter, Selection, missing_extra
from api_base.core.errors import ConfigurationError

if TYPE_CHECKING:
    from api_base.application.common.events import EventTransport
    from api_base.application.common.remote import RemoteTransport
    from api_base.bootstrap.context import Context
    from api_base.core.protocols import Mailer, RateLimiter
    from api_base.infrastructure.adapter_ports import AdapterPorts
    from api_base.infrastructure.db.factory import Source
    from api_base.infrastructure.tasks.backend import JobBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class Selections:
    """The selected adapter of each port."""

    mail: "Selection[AdapterPorts, Mailer]"
    events: "Selection[AdapterPorts, EventTransport]"
    jobs: "Selection[AdapterPorts, JobBackend]"
    rate_limit: "Selection[AdapterPorts, RateLimiter]"
    remote: "Selection[AdapterPorts, RemoteTransport]"

    @classmethod
    def of(cls, settings: Settings, added: Sequence[Adapters] = ()) -> Self:
        """Select among the built-in adapters and those `added`. Raises `ConfigurationError` if two have the same port and scheme."""
        groups = (BUILT_IN, *added)
        return cls(
            mail=Selection("MAIL__URL", _text(settings.mail.url), _merged("mail", [group.mail for group in groups])),
            events=Selection("EVENTS__URL", _text(settings.events.url), _merged("events", [group.events for group in groups])),
            jobs=Selection("JOBS__URL", _text(settings.jobs.url), _merged("jobs", [group.jobs for group in groups])),
            rate_limit=Selection(
                "RATE_LIMIT__URL", _text(settings.rate_limit.url), _merged("rate_limit", [group.rate_limit for group in groups])
            ),
            remote=Selection("REMOTE__URL", _text(settings.remote.url), _merged("remote", [group.remote for group in groups])),
        )

    def by_port(self) -> "Mapping[str, Selection[AdapterPorts, object]]":
        """Every selection, by the name of its port."""
        return {"mail": self.mail, "events": self.events, "jobs": self.jobs, "rate limit": self.rate_limit, "remote": self.remote}


def database(settings: Settings) -> "Selection[Settings, Source]":
    """The source of the database."""
    return Selection("DATABASE__URL", _text(settings.database.url), DATABASE)


def check(settings: Settings, contexts: Sequence["Context"]) -> Selections:
    """Select the adapters. Raises `ConfigurationError` with every URL that none accepts, every missing extra and a repeated name."""
    names = [context.name for context in contexts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"Two contexts have the name {twice[0]!r}. Rename one of them.")
    selections = Selections.of(settings, [context.adapters for context in contexts])
    if found := problems(settings, selections):
        raise ConfigurationError("\n".join(["The configuration cannot be used:", *(f"  {problem}" for problem in found)]))
    return selections


def problems(settings: Settings, selections: Selections) -> list[str]:
    """Return a line for each URL that no adapter accepts, and for each extra that is not installed."""
    roles = {
        "DATABASE__OWNER_URL": settings.database.owner_url,
        "DATABASE__WORKER_URL": settings.database.worker_url,
        "DATABASE__DIRECT_URL": settings.database.direct_url,
    }
    databases = [database(settings), *(Selection(variable, _text(url), DATABASE) for variable, url in roles.items())]
    found = [selection.problem() for selection in databases] + [selection.problem() for selection in selections.by_port().values()]
    if settings.observability.otlp_endpoint is not None and (missing := missing_extra("otlp")):
        found.append(f"OBSERVABILITY__OTLP_ENDPOINT: {missing}")
    return [problem for problem in found if problem]


def unsafe_in_production(settings: Settings, selections: Selections) -> list[str]:
    """Return a line for each selected adapter that production refuses."""
    found = [database(settings).unsafe(), *(selection.unsafe() for selection in selections.by_port().values())]
    return [reason for reason in found if reason]


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
