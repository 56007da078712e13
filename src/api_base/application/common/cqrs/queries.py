"""Queries read, bypassing aggregates. Their handlers are adapters: the SQL stands in `infrastructure/<context>/queries.py`."""

from api_base.application.common.cqrs.message import Message


class Query[T](Message[T]):
    """Answers `T` and changes nothing; it runs in no unit of work."""

    __slots__ = ()
