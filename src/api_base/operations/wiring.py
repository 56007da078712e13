"""Everything that is wrong with the contexts of an application: what they declare, their revisions, and PostgreSQL's tables beside both."""

from collections.abc import Callable, Iterator, Sequence

from api_base.bootstrap import migrations
from api_base.bootstrap.application import wired_app
from api_base.bootstrap.commands import declared_commands
from api_base.bootstrap.context import Context
from api_base.bootstrap.graphql import graphql_schema
from api_base.bootstrap.services import build
from api_base.core.config import Settings
from api_base.core.errors import ApiBaseError, Fault, WiringError
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.migrations.revisions import read


def declared_faults(settings: Settings, contexts: Sequence[Context]) -> list[Fault]:
    """Return the faults of the declarations and of the files of revisions. Needs no database."""
    faults = [*_raised("CONTEXTS", lambda: wired_app(settings, contexts).openapi())]
    faults += _raised("CONTEXTS", lambda: read(migrations.branches(contexts)))
    if not faults:
        faults += _raised("Context.commands", lambda: declared_commands(contexts))
        faults += _raised("Context.graphql", lambda: graphql_schema(contexts, build(settings, contexts).declarations.routers)())
    return faults


def stored_faults(urls: Urls, contexts: Sequence[Context]) -> list[Fault]:
    """Return what contradicts the declarations in PostgreSQL. Raises `Unavailable`. The tables are compared once no revision is pending."""
    return list(_raised("PostgreSQL", lambda: migrations.at_head(urls, contexts)))


def _raised(place: str, call: Callable[[], object]) -> Iterator[Fault]:
    try:
        call()
    except WiringError as error:
        yield from error.faults
    except ApiBaseError as error:
        yield Fault(place, str(error))
