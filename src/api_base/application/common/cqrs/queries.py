"""Queries read without aggregates. Their handlers are adapters: the SQL is in `infrastructure/<context>/queries.py`."""

from api_base.application.common.cqrs.message import Message


class Query[T](Message[T]):
    """Returns `T` and changes nothing. It runs without a unit of work."""

    __slots__ = ()
