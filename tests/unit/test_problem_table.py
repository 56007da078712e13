"""The table from error to problem, row by row: a new row without a case here fails."""

from typing import Final

import pytest

from api_base.core import errors
from api_base.interface.errors import http
from api_base.interface.errors.handlers import PROBLEMS, problem_of

type Case = tuple[Exception, str, int, list[tuple[bytes, bytes]]]

CASES: Final[dict[type[Exception], Case]] = {
    type(case[0]): case
    for case in (
        (errors.Invalid([errors.Violation("/body/a", "b", "c")]), "validation", 422, []),
        (errors.RuleViolated("no"), "rule-violated", 422, []),
        (errors.NotFound("thing", 1), "not-found", 404, []),
        (errors.StaleVersion("thing", 1), "stale-version", 412, []),
        (errors.Conflict("no"), "conflict", 409, []),
        (errors.Unauthenticated("no"), "unauthenticated", 401, [(b"www-authenticate", b'Bearer realm="api"')]),
        (errors.Forbidden("no"), "forbidden", 403, []),
        (errors.FeatureDisabled("imports"), "feature-disabled", 403, []),
        (errors.ReducedCapacity("no", retry_after=1.2), "temporary-reduced-capacity", 503, [(b"retry-after", b"2")]),
        (errors.TooManyRequests("no", retry_after=1.2), "quota-exceeded", 429, [(b"retry-after", b"2")]),
        (errors.Unavailable("no", retry_after=7), "unavailable", 503, [(b"retry-after", b"8")]),
        (errors.Transient("no"), "unavailable", 503, [(b"retry-after", b"1")]),
        (errors.RequestInProgress(), "request-in-progress", 409, [(b"retry-after", b"1")]),
        (errors.IdempotencyKeyReused(), "idempotency-key-reused", 422, []),
        (http.BadRequest("no"), "bad-request", 400, []),
        (http.MalformedBody("no"), "malformed-body", 400, []),
        (http.RouteNotFound(), "route-not-found", 404, []),
        (http.MethodNotAllowed(b"GET, HEAD"), "method-not-allowed", 405, [(b"allow", b"GET, HEAD")]),
        (http.BodyTooLarge(5), "body-too-large", 413, []),
        (errors.TooLarge("no"), "too-large", 413, []),
        (http.Gone("no", [(b"sunset", b"then")]), "gone", 410, [(b"sunset", b"then")]),
        (http.NotAcceptable("no"), "not-acceptable", 406, []),
        (http.UnsupportedMediaType("no"), "unsupported-media-type", 415, []),
        (
            http.RangeNotSatisfiable(5),
            "range-not-satisfiable",
            416,
            [(b"content-range", b"bytes */5"), (b"accept-ranges", b"bytes")],
        ),
        (http.PreconditionRequired(), "precondition-required", 428, []),
        (
            http.UpgradeRequired("no"),
            "upgrade-required",
            426,
            [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-version", b"13")],
        ),
        (http.TargetTooLong("no"), "target-too-long", 414, []),
        (http.HeaderTooLarge("no"), "header-too-large", 431, []),
        (http.SlowRequest("no"), "slow-request", 408, []),
        (http.MisdirectedRequest("no"), "misdirected-request", 421, []),
        (http.VersionNotSupported("no"), "version-not-supported", 505, []),
        (http.Overloaded("no"), "temporary-reduced-capacity", 503, [(b"retry-after", b"1")]),
        (http.RequestTimeout(5), "timeout", 503, [(b"retry-after", b"1")]),
    )
}


def test_each_row_of_the_table_has_a_case() -> None:
    assert CASES.keys() == PROBLEMS.keys()


@pytest.mark.parametrize("case", CASES.values(), ids=[cls.__name__ for cls in CASES])
def test_an_error_becomes_its_problem(case: Case) -> None:
    error, kind, status, headers = case
    problem = problem_of(error)
    assert problem is not None
    assert (problem.kind, problem.status, list(problem.headers), problem.detail) == (kind, status, headers, str(error))
