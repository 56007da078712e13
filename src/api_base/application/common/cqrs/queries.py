"""Queries read without aggregates. Their handlers are adapters: the SQL is in `infrastructure/<context>/queries.py`."""

from enum import Enum
from typing import ClassVar

from api_base.application.common.cqrs.message import Message


class Cacheable(Enum):
    """Who may receive the cached result of a query: nobody, callers of a tenant with the same permissions, or the same user in that tenant."""

    NEVER = "never"
    BY_PERMISSIONS = "by permissions"
    BY_USER = "by user"


class Query[T](Message[T]):
    """Returns `T` and changes nothing. It runs without a unit of work.

    A cacheable query declares what it `reads`, as the repositories name it (`member`), and how many seconds a result may be stale. A command
    that changes one of these in the same tenant ends the cached results when it commits. Its result depends on nothing but its fields, the
    tenant, and the permissions or the user of the caller.

    `max_age` is how many whole seconds of the `staleness` the caller's own HTTP cache may use without asking again: it then sees its own changes
    as late.
    """

    __slots__ = ()
    cacheable: ClassVar[Cacheable] = Cacheable.NEVER
    staleness: ClassVar[float] = 0.0
    max_age: ClassVar[int] = 0
    reads: ClassVar[tuple[str, ...]] = ()
