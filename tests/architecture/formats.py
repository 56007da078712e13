"""What every response claims about its format, checked by that format's own validator."""

from typing import Any, Final

import http_sf
import httpx2
from jsonschema import Draft202012Validator

STRUCTURED: Final = {"ratelimit": "list", "ratelimit-policy": "list", "idempotency-replayed": "item", "cache-status": "list"}
"""Headers that are structured fields [RFC 9651], by their type."""
PROBLEM: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 100, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
    },
}
"""RFC 9457, appendix A."""
FORMATS: Final = {"date-time", "uuid", "uri-reference", "uri", "email"}


def validator(schema: Any) -> Draft202012Validator:
    """For the schema, which is checked as well; formats count."""
    checker = Draft202012Validator.FORMAT_CHECKER
    assert set(checker.checkers) >= FORMATS, "jsonschema skips the formats whose validator is not installed"
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=checker)


_PROBLEM: Final = validator(PROBLEM)


def keeps_formats(response: httpx2.Response) -> None:
    """Its structured fields parse, and a problem is one of RFC 9457."""
    for name in STRUCTURED.keys() & set(response.headers):
        http_sf.parse(response.headers[name].encode(), tltype=STRUCTURED[name])
    if response.headers.get("content-type") == "application/problem+json":
        _PROBLEM.validate(response.json())
