"""The contexts that come with the base, as values."""

from collections.abc import Sequence
from typing import Final

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts.auth import AUTH
from api_base.bootstrap.contexts.items import ITEMS
from api_base.bootstrap.contexts.tenants import TENANTS
from api_base.bootstrap.contexts.users import USERS

BUILT_IN: Final[Sequence[Context]] = (USERS, TENANTS, AUTH, ITEMS)
