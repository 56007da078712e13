"""The stack: ids, traces, limits, tokens, refusals, headers, origins."""

import asyncio

import httpx2
import pytest
from pydantic import ValidationError

from api_base.core.shared import addresses
from api_base.core.shared.addresses import limit_key
from api_base.core.types import current_context
from api_base.interface.middleware.client_address import ClientAddress
from api_base.interface.routes import RouteOptions, Router
from tests.http_harness import GOOD, PRINCIPAL, SECURITY, THING, settings, shell, things, trouble

ONE = f"/api/v1/things/{THING}"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 64])
async def test_a_sane_request_id_is_taken_over(given: str) -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.get(ONE, headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given == here.recorder.last[0].request_id


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "ä", "<script>", '"'])
async def test_any_other_request_id_is_replaced(given: str) -> None:
    here = shell(things())
    async with here.client() as client:
        answers = [await client.get(ONE, headers={"x-request-id": given.encode()}) for _ in range(2)]
    made = {answer.headers["x-request-id"] for answer in answers}
    assert len(made) == 2
    assert given not in made


async def test_a_trace_is_continued() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.get(ONE, headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    context = here.recorder.last[0]
    assert answer.headers["traceparent"] == f"00-{TRACE}-{context.span_id}-01"
    assert (context.trace_id, context.parent_span_id, context.trace_flags) == (TRACE, SPAN, 1)
    assert context.span_id != SPAN


@pytest.mark.parametrize(
    "given",
    [
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"0-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01more",
        "",
    ],
)
async def test_a_trace_that_is_not_valid_is_begun_anew(given: str) -> None:
    here = shell(things())
    async with here.client() as client:
        await client.get(ONE, headers={"traceparent": given})
    context = here.recorder.last[0]
    assert context.trace_id not in (TRACE, TRACE.upper(), "0" * 32)
    assert (len(context.trace_id), len(context.span_id), context.parent_span_id) == (32, 16, "")


async def test_a_trace_of_a_later_version_is_continued() -> None:
    here = shell(things())
    async with here.client() as client:
        await client.get(ONE, headers={"traceparent": f"01-{TRACE}-{SPAN}-03-later"})
    assert (here.recorder.last[0].trace_id, here.recorder.last[0].trace_flags) == (TRACE, 1)


async def test_the_span_of_a_new_trace_has_the_lower_half_of_its_id() -> None:
    here = shell(things())
    async with here.client() as client:
        for _ in range(2):
            await client.get(ONE)
    first, second = (context for context, *_ in here.recorder.requests)
    assert first.span_id == first.trace_id[16:] != second.span_id == second.trace_id[16:]


@pytest.mark.parametrize(("ratio", "flags"), [(0.0, 0), (1.0, 1)])
async def test_new_traces_are_sampled(ratio: float, flags: int) -> None:
    here = shell(things(), settings=settings(observability={"trace_sample_ratio": ratio}))
    async with here.client() as client:
        await client.get(ONE)
    assert here.recorder.last[0].trace_flags == flags


async def test_requests_are_recorded_by_template_never_by_path() -> None:
    here = shell(things(), trouble())
    async with here.client() as client:
        for path in (ONE, "/api/v1/trouble/bug", "/secret/path"):
            await client.get(path, headers={"authorization": GOOD})
    seen = [(method, route, status) for _, method, route, status in here.recorder.requests]
    assert seen == [("GET", "/api/v1/things/{id}", 200), ("GET", "/api/v1/trouble/{kind}", 500), ("GET", "<unmatched>", 404)]
    assert here.recorder.under_way == 0
    assert here.recorder.requests[0][0].principal == PRINCIPAL


async def test_security_headers_are_on_every_answer() -> None:
    here = shell(things(), trouble())
    async with here.client() as client:
        for path in (ONE, "/none", "/api/v1/trouble/bug"):
            headers = (await client.get(path)).headers
            assert {name: headers[name] for name in SECURITY} == SECURITY
            assert all(len(headers.get_list(name)) == 1 for name in SECURITY)


async def test_declared_origins_may_read_the_answer_errors_included() -> None:
    here = shell(things(), trouble(), settings=settings(server={"cors_origins": ["https://app.test"], "cors_credentials": True}))
    async with here.client() as client:
        for path in (ONE, "/api/v1/trouble/bug", "/none"):
            headers = (await client.get(path, headers={"origin": "https://app.test"})).headers
            assert headers["access-control-allow-origin"] == "https://app.test"
            assert headers["access-control-allow-credentials"] == "true"
            assert {"ETag", "Location", "RateLimit", "Retry-After", "X-Request-ID"} <= set(
                headers["access-control-expose-headers"].split(", ")
            )
            assert headers["vary"] == "Origin"


async def test_other_origins_may_not_and_caches_know() -> None:
    here = shell(things(), settings=settings(server={"cors_origins": ["https://app.test"]}))
    async with here.client() as client:
        for headers in ({"origin": "https://evil.test"}, {"origin": "https://app.test.evil"}, {"origin": "null"}, {}):
            answer = await client.get(ONE, headers=headers)
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["vary"] == "Origin"


async def test_preflights_are_answered_without_a_route() -> None:
    here = shell(things(), settings=settings(server={"cors_origins": ["https://app.test"]}))
    asked = {"access-control-request-method": "PATCH", "access-control-request-headers": "if-match"}
    async with here.client() as client:
        good = await client.options(ONE, headers={"origin": "https://app.test", **asked})
        bad = await client.options(ONE, headers={"origin": "https://evil.test", **asked})
    assert good.status_code == 204
    assert "PATCH" in good.headers["access-control-allow-methods"]
    assert "If-Match" in good.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in bad.headers
    assert "access-control-allow-methods" not in bad.headers


async def test_any_origin_may_without_credentials() -> None:
    here = shell(things(), settings=settings(server={"cors_origins": ["*"]}))
    async with here.client() as client:
        headers = (await client.get(ONE, headers={"origin": "https://any.test"})).headers
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers


async def test_limits_are_told_and_held() -> None:
    here = shell(things(), settings=settings(rate_limit={"burst": 2, "requests": 60}))
    async with here.client() as client:
        answers = [await client.get(ONE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"].startswith('"default";q=60;w=60;pk=:')
    assert answers[0].headers["ratelimit"] == '"default";r=1;t=12'
    assert answers[2].json()["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert answers[2].headers["retry-after"] == "4"
    async with here.client("203.0.113.8") as other:
        assert (await other.get(ONE)).status_code == 200


async def test_logins_have_a_stricter_limit() -> None:
    here = shell(things(), settings=settings(rate_limit={"burst": 50, "login_burst": 1}))
    async with here.client() as client:
        answers = [await client.post("/api/v1/things/login", json={"name": "a"}) for _ in range(2)]
        reading = await client.get(ONE)
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["ratelimit"].startswith('"login";r=0')
    assert reading.status_code == 200


async def test_the_stricter_limit_holds_for_all_values_of_a_path() -> None:
    router = Router()

    @router.post("/doors/{number}/keys", RouteOptions(auth="optional", rate="login"))
    async def try_key(number: int) -> None:
        assert number

    here = shell(router, settings=settings(rate_limit={"burst": 50, "login_burst": 2}))
    async with here.client() as client:
        tried = [(await client.post(f"/api/v1/doors/{number}/keys")).status_code for number in (1, 2, 3)]
        others = [
            (await client.post(path)).status_code for path in ("/api/v1/doors/1/keys/2", "/api/v1/doors//keys", "/api/v1/windows/1/keys")
        ]
    assert tried == [204, 204, 429]
    assert others == [404, 404, 404]


async def test_failed_tokens_keep_an_address_away_from_signature_checks() -> None:
    here = shell(things(), settings=settings(rate_limit={"failed_tokens": 2}))
    async with here.client() as client:
        statuses = [(await client.get(ONE, headers={"authorization": "Bearer bad"})).status_code for _ in range(4)]
        without = await client.get(ONE)
    assert statuses == [401, 401, 429, 429]
    assert here.tokens.checked == 2
    assert without.status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/metrics"])
async def test_probes_are_not_limited(path: str) -> None:
    here = shell(things(), settings=settings(rate_limit={"burst": 1}))
    async with here.client() as client:
        assert {(await client.get(path)).status_code for _ in range(3)} == {404}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_compared_without_case(scheme: str) -> None:
    here = shell(trouble())
    async with here.client() as client:
        answer = await client.get("/api/v1/trouble", headers={"authorization": f"{scheme} good"})
    assert answer.json()["id"] == str(PRINCIPAL.user_id)


@pytest.mark.parametrize("authorization", ["Bearer bad", "Bearer", "Bearer ", "Basic Z29vZA==", "good", "Bearer good good"])
async def test_a_bad_token_is_refused_and_the_refusal_kept(authorization: str) -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.get(ONE, headers={"authorization": authorization})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert len(here.refusals.kept) == 1
    assert here.recorder.last[0].principal is None


async def test_refusals_of_the_inside_are_kept_with_their_route() -> None:
    here = shell(things(), trouble())
    async with here.client() as client:
        for path in ("/api/v1/trouble/forbidden", "/api/v1/trouble", ONE, "/api/v1/trouble/taken"):
            await client.get(path)
    assert here.refusals.kept == [("GET", "/api/v1/trouble/{kind}", 403), ("GET", "/api/v1/trouble", 401)]


async def test_one_request_knows_nothing_of_the_one_before() -> None:
    here = shell(trouble())
    async with here.client() as client:
        statuses = [(await client.get("/api/v1/trouble", headers=headers)).status_code for headers in ({"authorization": GOOD}, {}, {})]
    assert statuses == [200, 401, 401]


async def test_many_requests_at_once_keep_their_own_context() -> None:
    router = Router()

    @router.get("/echo/{name}", RouteOptions(auth="optional"))
    async def echo(name: str) -> None:
        await asyncio.sleep(0)
        assert current_context.get().request_id == name

    here = shell(router)
    async with here.client() as client:
        answers = await asyncio.gather(*(client.get(f"/api/v1/echo/r{i}", headers={"x-request-id": f"r{i}"}) for i in range(50)))
    assert {answer.status_code for answer in answers} == {204}


PROXIES = ("10.0.0.0/8", "2001:db8::/32")
FORWARDED = [
    ((), "10.0.0.1", "198.51.100.1", "10.0.0.1"),
    (PROXIES, "10.0.0.1", "198.51.100.1", "198.51.100.1"),
    (PROXIES, "192.0.2.9", "198.51.100.1", "192.0.2.9"),
    (PROXIES, "10.0.0.1", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
    (PROXIES, "10.0.0.1", "10.1.1.1, 10.9.9.9", "10.1.1.1"),
    (PROXIES, "10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
    (PROXIES, "10.0.0.1", "", "10.0.0.1"),
    (PROXIES, "", "198.51.100.1", ""),
    (PROXIES, "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
    (PROXIES, "2001:db8::1", "2001:DB8:1::5, 2A00::1", "2a00::1"),
    (PROXIES, "10.0.0.1", "1.2.3.4:5678", "1.2.3.4"),
    (PROXIES, "10.0.0.1", "1.2.3.4:_hidden", "1.2.3.4"),
    (PROXIES, "10.0.0.1", "[2A00::1]:443", "2a00::1"),
    (PROXIES, "10.0.0.1", "[2a00::1]", "2a00::1"),
    (PROXIES, "10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"),
    (PROXIES, "10.0.0.1", "[::FFFF:1.2.3.4]:80", "1.2.3.4"),
    (PROXIES, "10.0.0.1", "fe80::1%eth0", "fe80::1"),
    (PROXIES, "10.0.0.1", "[fe80::1%25eth0]:80", "fe80::1"),
    (PROXIES, "10.0.0.1", "unknown", "10.0.0.1"),
    (PROXIES, "10.0.0.1", "_hidden", "10.0.0.1"),
    (PROXIES, "10.0.0.1", "01.2.3.4", "10.0.0.1"),
]


@pytest.mark.parametrize(("trusted", "peer", "nodes", "address"), FORWARDED)
def test_forwarded_addresses_are_believed_from_trusted_proxies_only(trusted: tuple[str, ...], peer: str, nodes: str, address: str) -> None:
    parsed = ClientAddress(trusted, "x-forwarded-for")
    assert parsed.of(peer, nodes.encode(), b"for=203.0.113.9") == address


@pytest.mark.parametrize("nodes", ["198.51.100.1,", "198.51.100.1, , 10.9.9.9", ",198.51.100.1,,10.9.9.9, "])
def test_empty_elements_are_passed_over(nodes: str) -> None:
    assert ClientAddress(PROXIES, "x-forwarded-for").of("10.0.0.1", nodes.encode(), None) == "198.51.100.1"


@pytest.mark.parametrize("element", ['for="{}"', 'proto=https;For="{}";by=10.0.0.2', 'host="a.example" ; for = "{}"'])
@pytest.mark.parametrize(("trusted", "peer", "nodes", "address"), FORWARDED)
def test_the_standard_header_is_read_where_it_is_chosen(
    trusted: tuple[str, ...], peer: str, nodes: str, address: str, element: str
) -> None:
    header = ", ".join(element.format(node.strip()) for node in nodes.split(","))
    assert ClientAddress(trusted, "forwarded").of(peer, b"203.0.113.9", header.encode()) == address


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ('for=1.2.3.4;host="x,for=6.6.6.6"', "1.2.3.4"),
        ('host="x;for=6.6.6.6";for=1.2.3.4', "1.2.3.4"),
        ('host="x,for=6.6.6.6";for=1.2.3.4', "1.2.3.4"),
        ('host="a\\",for=6.6.6.6;x=\\"";for=1.2.3.4', "1.2.3.4"),
        ('for="6.6.6.6, for=1.2.3.4', "1.2.3.4"),
        ('for=6.6.6.6", for=1.2.3.4', "1.2.3.4"),
        ("for=1.2.3.4,", "1.2.3.4"),
        ("for=1.2.3.4, ,for=10.0.0.2,,", "1.2.3.4"),
        ('by="for=6.6.6.6"', "10.0.0.1"),
        ("xfor=6.6.6.6", "10.0.0.1"),
    ],
)
def test_what_a_client_writes_into_a_quoted_string_is_no_address(header: str, address: str) -> None:
    assert ClientAddress(PROXIES, "forwarded").of("10.0.0.1", None, header.encode()) == address


def test_an_unquoted_address_of_the_standard_header_is_read() -> None:
    assert (
        ClientAddress(PROXIES, "forwarded").of("10.0.0.1", None, b"for=6.6.6.6, for=1.2.3.4;proto=http, by=10.0.0.3;for=10.0.0.2")
        == "1.2.3.4"
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("1.2.3.4", "::ffff:1.2.3.4", True),
        ("1.2.3.4", "1.2.3.5", False),
        ("fe80::1%eth0", "fe80::1", True),
    ],
)
def test_limits_count_an_address_once_and_ipv6_by_its_network(one: str, other: str, same: bool) -> None:
    assert (limit_key(one) == limit_key(other)) is same


def test_a_proxy_that_is_no_network_is_a_configuration_error() -> None:
    with pytest.raises(ValidationError, match="must be an IP address or a network"):
        settings(server={"trusted_proxies": ["proxy.local"]})


async def test_without_the_header_the_address_is_the_peers() -> None:
    here = shell(things(), settings=settings(server={"trusted_proxies": ["10.0.0.0/8"]}))
    async with here.client("10.0.0.1") as client:
        await client.get(ONE)
    assert here.recorder.last[0].address == "10.0.0.1"


async def test_every_forwarded_line_counts() -> None:
    here = shell(things(), settings=settings(server={"trusted_proxies": ["10.0.0.0/8"]}))
    async with here.client("10.0.0.1") as client:
        await client.get(ONE, headers=[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "10.0.0.2")])
    assert here.recorder.last[0].address == "198.51.100.1"


def test_text_that_is_longer_than_any_address_is_none_and_no_cache_keeps_it() -> None:
    zone = "x" * (addresses.MAX_LENGTH - len("fe80::1%"))
    assert str(addresses.parse_address(f"fe80::1%{zone}")) == "fe80::1"
    assert addresses.parse_address(f"fe80::1%{zone}x") is None


async def test_a_request_without_an_address_is_served() -> None:
    """A server on a Unix socket knows none [ASGI, "HTTP Connection Scope"]."""
    here = shell(things())
    for trace in ({}, {"traceparent": f"00-{TRACE}-{SPAN}-01"}):
        transport = httpx2.ASGITransport(app=here.app, client=None)  # type: ignore[arg-type] -- what servers pass on
        async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
            assert (await client.get(ONE, headers=trace)).status_code == 200
        assert here.recorder.last[0].address == ""
