"""Refusals of a GraphQL request before its execution. None of them imports the library."""

from collections.abc import Sequence
from typing import Any

from api_base.core.errors import ApiBaseError


class RequestRefused(ApiBaseError):
    """A request error [GraphQL, section 7.1.2]: no operation is executed. `errors` are what the client receives."""

    status = 400
    """The status in `application/graphql-response+json`."""

    def __init__(self, message: str, code: str = "BAD_REQUEST", errors: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.errors = list(errors) or [{"message": message, "extensions": {"code": code}}]


class LimitExceeded(RequestRefused):
    """The document or its variables exceed the limit `name`."""

    def __init__(self, name: str, limit: int, what: str) -> None:
        message = f"{what}; the limit {name} is {limit}."
        super().__init__(message, errors=[{"message": message, "extensions": {"code": "LIMIT_EXCEEDED", "limit": name, "maximum": limit}}])


class NotWellFormed(RequestRefused):
    """The request is not a well-formed GraphQL-over-HTTP request: status 400 in every media type."""


class MutationByGet(RequestRefused):
    """GET must not execute a mutation [GraphQL over HTTP, section 6.3]."""

    status = 405


class OperationTimeout(RequestRefused):
    """The operation took too long."""

    status = 503
