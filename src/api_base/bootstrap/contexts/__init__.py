"""The contexts that come with the base, as values. `loading.py` leaves some out and adds others, as the settings say."""

from collections.abc import Sequence
from typing import Final

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts.audit import AUDIT
from api_base.bootstrap.contexts.auth import AUTH
from api_base.bootstrap.contexts.exports import EXPORTS
from api_base.bootstrap.contexts.files import FILES
from api_base.bootstrap.contexts.flags import FLAGS
from api_base.bootstrap.contexts.items import ITEMS
from api_base.bootstrap.contexts.jobs import JOBS
from api_base.bootstrap.contexts.ofrep import OFREP
from api_base.bootstrap.contexts.search import SEARCH
from api_base.bootstrap.contexts.tenants import TENANTS
from api_base.bootstrap.contexts.users import USERS
from api_base.bootstrap.contexts.versions import VERSIONS

BUILT_IN: Final[Sequence[Context]] = (USERS, TENANTS, AUTH, ITEMS, FILES, AUDIT, JOBS, FLAGS, OFREP, SEARCH, EXPORTS, VERSIONS)
"""The contexts that come with the base."""


def left_out(contexts: Sequence[Context]) -> list[Context]:
    """Return the built-in contexts that are not among `contexts`."""
    names = {context.name for context in contexts}
    return [context for context in BUILT_IN if context.name not in names]
