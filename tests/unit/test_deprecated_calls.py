"""Calls of deprecated routes are counted by tenant and client, within bounds, whatever clients send."""

from uuid import UUID, uuid4

import pytest

from api_base.application.versions import calls
from api_base.application.versions.calls import MAX_CLIENTS, OTHERS, UNNAMED, Call, DeprecatedCalls
from api_base.core.types import NO_TENANT

ROUTE = "GET /api/v1/items"
TENANT = UUID(int=7)


@pytest.fixture
def counted() -> DeprecatedCalls:
    made = DeprecatedCalls()
    made.open()
    return made


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        (b"python-httpx2/2.2.0", "python-httpx2/2.2.0"),
        (b"shop/1.4 (iPhone; iOS 19) CFNetwork/1", "shop/1.4"),
        (b"curl", "curl"),
        (b"", UNNAMED),
        (b"(compatible)", UNNAMED),
        ("büro/1".encode(), "b"),
        (b"\x00\xff", UNNAMED),
        (b"a" * 5000, "a" * 64),
    ],
)
def test_a_client_is_the_first_product_that_it_names(counted: DeprecatedCalls, user_agent: bytes, client: str) -> None:
    counted.count(ROUTE, TENANT, user_agent)
    assert counted.take() == {Call(ROUTE, TENANT, client): 1}


def test_calls_add_up_until_they_are_taken(counted: DeprecatedCalls) -> None:
    for tenant in (TENANT, TENANT, None):
        counted.count(ROUTE, tenant, b"curl/8")
    taken = counted.take()
    assert taken == {Call(ROUTE, TENANT, "curl/8"): 2, Call(ROUTE, NO_TENANT, "curl/8"): 1}
    counted.count(ROUTE, None, b"curl/8")
    counted.put_back(taken)
    assert counted.take() == {Call(ROUTE, TENANT, "curl/8"): 2, Call(ROUTE, NO_TENANT, "curl/8"): 2}
    assert counted.take() == {}


def test_nothing_is_counted_that_nobody_would_take() -> None:
    made = DeprecatedCalls()
    made.count(ROUTE, TENANT, b"curl/8")
    assert made.take() == {}


def test_invented_names_are_counted_together(counted: DeprecatedCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MAX_CLIENTS + 30):
        counted.count(ROUTE, TENANT, b"bot/%d" % number)
    counted.count(ROUTE, TENANT, b"bot/1")
    taken = counted.take()
    assert (len(taken), taken[Call(ROUTE, TENANT, OTHERS)], taken[Call(ROUTE, TENANT, "bot/1")]) == (MAX_CLIENTS + 1, 30, 2)
    monkeypatch.setattr(calls, "MAX_TENANTS", 1)
    counted.count(ROUTE, other := uuid4(), b"curl/8")
    assert counted.take() == {Call(ROUTE, other, OTHERS): 1}


def test_different_calls_are_bounded_between_two_reports(counted: DeprecatedCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_CALLS", 3)
    for _ in range(2):
        for number in range(5):
            counted.count(ROUTE, UUID(int=number + 1), b"curl/8")
    assert sorted(counted.take().values()) == [2, 2, 2, 4]
