"""What a GraphQL request says, from JSON or from a query string, and which media type its client accepts [GraphQL over HTTP]."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from api_base.core.shared.json_depth import too_deep
from api_base.core.shared.strict_json import strict_json
from api_base.interface.graphql.refused import NotWellFormed
from api_base.interface.routes.negotiation import members

RESPONSE: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
_TYPES: Final = (RESPONSE, JSON, EVENTS)
_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRequest:
    """One operation. Exactly one of `query` and `document_id` is not None."""

    query: str | None
    document_id: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


def operation_of(sent: object) -> OperationRequest:
    """Return the request in a JSON object. Raises `NotWellFormed`."""
    if not isinstance(sent, dict):
        raise NotWellFormed("The request must be a JSON object with a member query.")
    for name in ("query", "documentId", "operationName"):
        if not isinstance(sent.get(name), str | None):
            raise NotWellFormed(f"{name} must be a string.")
    for name in ("variables", "extensions"):
        if not isinstance(sent.get(name), dict | None):
            raise NotWellFormed(f"{name} must be a JSON object.")
    query, document_id, chosen = sent.get("query"), sent.get("documentId"), sent.get("operationName")
    if (query is None) == (document_id is None):
        raise NotWellFormed("The request must have either a query or a documentId.")
    if chosen is not None and len(chosen) > _MAX_NAME:
        raise NotWellFormed(f"operationName must have at most {_MAX_NAME} characters.")
    return OperationRequest(query=query, document_id=document_id, operation_name=chosen or None, variables=sent.get("variables") or {})


def operation_of_query(pairs: list[tuple[str, str]]) -> OperationRequest:
    """Return the request in the parameters of a query string. Raises `NotWellFormed`."""
    sent: dict[str, Any] = {}
    for name, value in pairs:
        if name not in ("query", "documentId", "operationName", "variables", "extensions"):
            raise NotWellFormed(
                f"The parameter {name[:50]!r} is not known; there are query, documentId, operationName, variables and extensions."
            )
        if name in sent:
            raise NotWellFormed(f"The parameter {name} occurs twice.")
        sent[name] = _json(name, value) if name in ("variables", "extensions") else value
    return operation_of(sent)


def _json(name: str, value: str) -> object:
    raw = value.encode("utf-8", "surrogatepass")
    if not raw:
        return None
    if too_deep(raw):
        raise NotWellFormed(f"{name} is nested too deeply.")
    try:
        return strict_json(raw)
    except ValueError:
        raise NotWellFormed(f"{name} is not JSON.") from None


def accepted(accept: str | None) -> str | None:
    """Return the media type of the response; None if the client accepts none of them.

    Without a preference it is `application/json` [GraphQL over HTTP audits 47DE, 80D8]. An event stream must be named.

    >>> accepted("application/graphql-response+json, application/json;q=0.9")
    'application/graphql-response+json'
    >>> accepted("*/*"), accepted(None), accepted("image/png")
    ('application/json', 'application/json', None)
    """
    if accept is None or not accept.strip():
        return JSON
    best: dict[str, tuple[int, float]] = {}
    for range_, quality in members(accept):
        for one in _TYPES:
            rank = (
                3 if range_ == one else 2 if range_ == "application/*" and one != EVENTS else 1 if range_ == "*/*" and one != EVENTS else 0
            )
            if rank and rank >= best.get(one, (0, 0.0))[0]:
                best[one] = rank, quality
    usable = [(quality, rank, one == JSON if rank < 3 else one != JSON, one) for one, (rank, quality) in best.items() if quality > 0]
    return max(usable)[3] if usable else None
