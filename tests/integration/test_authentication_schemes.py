"""How a request says who sends it: only Bearer unless more is configured; a token, a cookie that no other page can use, a password, and a scheme
of one's own."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from http.cookies import SimpleCookie
from itertools import count
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio
from starlette.types import Scope

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import Unauthenticated, WiringError
from api_base.core.protocols import PrincipalResolver
from api_base.core.types import TenantId, UserId
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.middleware.auth import Caller
from tests.application import PASSWORD, Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")
ME: Final = "/api/v1/users/me"
COOKIE: Final = "/api/v1/auth/cookie"
OWN: Final = {"Origin": "https://api.test"}
FORGED: Final = {"Origin": "https://evil.example"}
FAILURES: Final = 3
_addresses = count(1)


class ApiKey:
    """A scheme of a context: one key for each user."""

    name = "apiKey"
    description: Mapping[str, object] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}

    def __init__(self, principals: PrincipalResolver, keys: Mapping[bytes, tuple[UUID, UUID]]) -> None:
        self._principals, self._keys = principals, keys

    def credentials(self, scope: Scope) -> bytes | None:
        return next((value for name, value in scope["headers"] if name == b"x-api-key"), None)

    async def caller(self, scope: Scope, credentials: bytes) -> Caller:
        if credentials not in self._keys:
            raise Unauthenticated("The key is unknown. Send one that is valid.")
        user, tenant = self._keys[credentials]
        return Caller(principal=await self._principals.resolve(UserId(user), TenantId(tenant)))


KEYS: Final[dict[bytes, tuple[UUID, UUID]]] = {}
KEYED: Final = Context(name="keyed", authentication=lambda ports: [ApiKey(ports.principals, KEYS)])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    settings = settings_on(
        shared_migrated,
        auth={"schemes": ("token", "cookie", "basic")},
        security={"failed_logins": FAILURES},
        server={"cors_origins": ("https://app.example",)},
    )
    async with running(settings, [*BUILT_IN, KEYED]) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def ana(api: Running) -> Person:
    return await api.person(password_hash=await api.services.container.password_hasher.hash(PASSWORD))


def basic(email: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{email}:{password}".encode()).decode()}


def client_of(api: Running) -> httpx2.AsyncClient:
    """A client over TLS, with an address of its own."""
    transport = httpx2.ASGITransport(app=api.app, client=(f"2001:{next(_addresses):x}::1", 1234))
    return httpx2.AsyncClient(transport=transport, base_url="https://api.test")


async def cookies_of(answer: httpx2.Response) -> dict[str, str]:
    """The cookies that an answer sets, as a browser keeps them."""
    kept = SimpleCookie[str]()
    for line in answer.headers.get_list("set-cookie"):
        kept.load(line)
        name = line.partition("=")[0]
        assert name.startswith("__Host-")
        assert line.partition("; ")[2].startswith("Path=/; Max-Age=")
        assert line.endswith("; Secure; HttpOnly; SameSite=Strict")
    return {name: one.value for name, one in kept.items()}


async def logged_in(api: Running, person: Person) -> dict[str, str]:
    answer = await client_of(api).post(COOKIE, json={"email": person.email, "password": PASSWORD}, headers=OWN)
    assert (answer.status_code, answer.content) == (204, b""), answer.text
    return await cookies_of(answer)


def header_of(cookies: Mapping[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


async def test_only_bearer_is_accepted_by_default(plain: Running) -> None:
    ana = await plain.person(password_hash=await plain.services.container.password_hasher.hash(PASSWORD))
    for headers in (
        {"Authorization": f"Token {ana.access_token}"},
        {"Cookie": f"__Host-session={ana.access_token}"},
        basic(ana.email, PASSWORD),
        {"X-API-Key": "key"},
    ):
        answer = await plain.client.get(ME, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
    assert (await plain.client.get(ME, headers=ana.headers)).status_code == 200
    assert (await plain.client.post(COOKIE, json={"email": ana.email, "password": PASSWORD}, headers=OWN)).status_code == 404
    assert set(plain.app.openapi()["components"]["securitySchemes"]) == {"password", "bearer"}


async def test_the_document_names_the_schemes(api: Running) -> None:
    document = api.app.openapi()
    names = ["password", "bearer", "token", "cookie", "basic", "apiKey"]
    assert list(document["components"]["securitySchemes"]) == names
    assert document["components"]["securitySchemes"]["basic"]["scheme"] == "basic"
    assert document["paths"][ME.replace("v1", "v2")]["get"]["security"] == [{name: []} for name in names]


async def test_the_access_token_by_another_name(api: Running, ana: Person) -> None:
    answer = await api.client.get(ME, headers={"Authorization": f"token {ana.access_token}"})
    assert (answer.status_code, answer.json()["email"]) == (200, ana.email)
    assert (await api.client.get(ME, headers={"Authorization": "Token forged"})).status_code == 401


async def test_a_scheme_of_a_context(api: Running, ana: Person) -> None:
    KEYS[b"key-of-ana"] = ana.id, ana.tenant_id
    answer = await api.client.get(ME, headers={"X-API-Key": "key-of-ana"})
    assert (answer.status_code, answer.json()["email"]) == (200, ana.email)
    wrong = await api.client.get(ME, headers={"X-API-Key": "other"})
    assert (wrong.status_code, wrong.json()["detail"]) == (401, "The key is unknown. Send one that is valid.")


async def test_two_schemes_of_one_name_are_refused_at_start(shared_migrated: Urls) -> None:
    bearer = type("MyBearer", (ApiKey,), {"name": "bearer"})
    context = replace(KEYED, authentication=lambda ports: [bearer(ports.principals, KEYS)])
    with pytest.raises(
        WiringError, match=r"Two authentication schemes have the name 'bearer'\. Rename one of them\. The first is at the base\."
    ):
        async with running(settings_on(shared_migrated), [*BUILT_IN, context]):
            """Nothing is served."""


async def test_a_session_in_cookies(api: Running, ana: Person) -> None:
    cookies = await logged_in(api, ana)
    assert set(cookies) == {"__Host-session", "__Host-refresh"}
    read = await client_of(api).get(ME, headers=header_of(cookies))
    assert (read.status_code, read.json()["email"]) == (200, ana.email)
    made = await client_of(api).post(
        "/api/v1/tenants", json={"name": "By cookie", "slug": f"by-cookie-{next(_addresses)}"}, headers=header_of(cookies) | OWN
    )
    assert made.status_code == 201, made.text
    again = await client_of(api).post(f"{COOKIE}/refresh", headers=header_of(cookies) | OWN)
    assert again.status_code == 204
    fresh = cookies | await cookies_of(again)
    assert fresh != cookies
    ended = await client_of(api).request("DELETE", COOKIE, headers=header_of(fresh) | OWN)
    assert await cookies_of(ended) == {"__Host-session": "", "__Host-refresh": ""}
    async with asyncio.timeout(10):
        while (await client_of(api).get(ME, headers=header_of(fresh))).status_code != 401:
            await asyncio.sleep(0.01)
    assert (await client_of(api).post(f"{COOKIE}/refresh", headers=header_of(fresh) | OWN)).status_code == 401


@pytest.mark.parametrize(
    ("headers", "change", "read"),
    [
        ({"Origin": "https://api.test"}, 201, 200),
        ({"Origin": "https://app.example"}, 201, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 201, 200),
        ({"Origin": "https://api.test", "Sec-Fetch-Site": "same-origin"}, 201, 200),
        ({"Sec-Fetch-Site": "none"}, 403, 200),
        ({}, 403, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403, 403),
        ({"Origin": "https://evil.example"}, 403, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403, 403),
        ({"Origin": "https://api.test.evil.example"}, 403, 403),
        ({"Origin": "https://api.test:8443"}, 403, 403),
        ({"Origin": "null"}, 403, 403),
        ({"Origin": ""}, 403, 403),
    ],
)
async def test_only_pages_of_this_server_or_an_allowed_origin_use_the_cookie(
    api: Running, ana: Person, headers: dict[str, str], change: int, read: int
) -> None:
    cookies = header_of({"__Host-session": ana.access_token})
    body = {"name": "Forged", "slug": f"forged-{next(_addresses)}"}
    answer = await client_of(api).post("/api/v1/tenants", json=body, headers=cookies | headers)
    assert answer.status_code == change, answer.text
    assert (await client_of(api).get(ME, headers=cookies | headers)).status_code == read
    assert (
        await client_of(api).post("/api/v1/tenants", json=body | {"slug": body["slug"] + "-t"}, headers=ana.headers | headers)
    ).status_code == 201


async def test_a_forged_page_begins_continues_and_ends_no_session(api: Running, ana: Person) -> None:
    cookies = await logged_in(api, ana)
    for method, path, body in (
        ("POST", COOKIE, {"email": ana.email, "password": PASSWORD}),
        ("POST", f"{COOKIE}/refresh", None),
        ("DELETE", COOKIE, None),
    ):
        for headers in (FORGED, {}):
            answer = await client_of(api).request(method, path, json=body, headers=header_of(cookies) | headers)
            assert (answer.status_code, answer.headers.get_list("set-cookie")) == (403, []), (method, path)
    assert (await client_of(api).get(ME, headers=header_of(cookies))).status_code == 200


async def test_a_cookie_that_is_sent_twice_is_none(api: Running, ana: Person) -> None:
    for cookies in (f"__Host-session=planted; __Host-session={ana.access_token}", f"__Host-session={ana.access_token}; __Host-session=x"):
        answer = await client_of(api).get(ME, headers={"Cookie": cookies})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="api"')


async def test_a_token_in_the_header_comes_before_the_cookie(api: Running, ana: Person) -> None:
    other = await api.person()
    answer = await client_of(api).get(ME, headers=other.headers | header_of({"__Host-session": ana.access_token}))
    assert answer.json()["email"] == other.email


class Counted:
    """The hasher, which counts its verifications."""

    def __init__(self, verify: Any) -> None:
        self.calls, self._verify = 0, verify

    async def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        return await self._verify(*arguments, **named)


async def test_a_password_is_verified_once_and_again_when_it_has_changed(
    api: Running, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = api.app.state.services.container.password_hasher
    counted = Counted(hasher.verify)
    monkeypatch.setattr(hasher, "verify", counted)
    client, headers = client_of(api), basic(ana.email, PASSWORD)
    for _ in range(5):
        answer = await client.get(ME, headers=headers)
        assert (answer.status_code, answer.json()["email"]) == (200, ana.email)
    assert counted.calls == 1
    body = {"current_password": PASSWORD, "new_password": "another quiet harbour at dawn"}
    assert (await client.post("/api/v1/auth/password", json=body, headers=ana.headers)).status_code == 204
    assert counted.calls == 2
    assert (await client.get(ME, headers=headers)).status_code == 401
    assert (await client.get(ME, headers=basic(ana.email, body["new_password"]))).status_code == 200
    assert counted.calls == 4


async def test_wrong_passwords_are_charged_as_those_of_a_login(api: Running, ana: Person) -> None:
    """By account, whatever the address: neither a guess beyond the limit nor a login is tried then. The right password that is known passes."""
    known = client_of(api)
    assert (await known.get(ME, headers=basic(ana.email, PASSWORD))).status_code == 200
    answers = [(await client_of(api).get(ME, headers=basic(ana.email, f"wrong {number}"))).status_code for number in range(FAILURES + 2)]
    assert answers == [401] * FAILURES + [429] * 2
    assert (await client_of(api).post("/api/v1/auth/login", json={"email": ana.email, "password": PASSWORD})).status_code == 429
    assert (await known.get(ME, headers=basic(ana.email, PASSWORD))).status_code == 200


async def test_who_has_no_account_is_answered_alike(api: Running) -> None:
    answer = await client_of(api).get(ME, headers=basic("nobody-at-all@example.com", PASSWORD))
    assert (answer.status_code, answer.json()["detail"]) == (
        401, "The e-mail address or the password is wrong, or the account is locked or deactivated.",
    )  # fmt: skip


@pytest.mark.parametrize("sent", ["", "!!!", "YTpi YTpi", b64encode(b"no colon").decode(), b64encode(b":p").decode(), b64encode(b"a@b.c:").decode(),
                                  b64encode(b"a\0@b.c:p").decode(), b64encode(b"\xff\xfe:p").decode(), b64encode(b"a:" + b"p" * 4000).decode()])  # fmt: skip
async def test_malformed_basic_credentials_are_refused(api: Running, sent: str) -> None:
    answer = await client_of(api).get(ME, headers={"Authorization": f"Basic {sent}"})
    assert (answer.status_code, answer.json()["detail"].partition(".")[0]) == (401, "The Authorization header is malformed")


async def test_a_deactivated_user_is_refused_by_every_scheme(api: Running, ana: Person) -> None:
    admin = await api.person(platform_admin=True)
    KEYS[b"key-of-the-gone"] = ana.id, ana.tenant_id
    schemes = [
        basic(ana.email, PASSWORD),
        {"Authorization": f"Token {ana.access_token}"},
        header_of({"__Host-session": ana.access_token}),
        {"X-API-Key": "key-of-the-gone"},
    ]
    client = client_of(api)
    assert [(await client.get(ME, headers=one)).status_code for one in schemes] == [200] * 4
    gone = await client.post(f"/api/v1/users/{ana.id}/deactivate", headers=admin.headers | {"If-Match": "*"})
    assert gone.status_code == 200, gone.text
    assert [(await client.get(ME, headers=one)).status_code for one in schemes] == [401] * 4
