"""Which pages may connect: those of the host itself, of the public URL, and of the allowed origins."""

from contextlib import nullcontext
from typing import Any

import pytest

from api_base.core.errors import Forbidden
from api_base.interface.middleware.http_exchange import SWITCH
from api_base.interface.middleware.page_origins import PageOrigins
from api_base.interface.middleware.page_requests import require_own_page

PUBLIC, APP = "https://api.example.com", "https://app.example.com"
NONE: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "public", "expected"),
    [
        # the host of the request, with and without the port that is the default of the scheme
        ("http://a.test", "a.test", NONE, None, True),
        ("http://a.test:80", "a.test", NONE, None, True),
        ("https://a.test", "a.test:443", NONE, None, True),
        ("HTTPS://A.test", "a.TEST", NONE, None, True),
        ("https://a.test:8443", "a.test:8443", NONE, None, True),
        ("http://[::1]:8000", "[::1]:8000", NONE, None, True),
        ("http://a.test:8000", "a.test", NONE, None, False),
        ("http://a.test", "a.test:8000", NONE, None, False),
        ("http://a.test", "a.test:443", NONE, None, False),
        ("https://evil.test", "a.test", NONE, None, False),
        ("https://a.test.evil.test", "a.test", NONE, None, False),
        ("https://evila.test", "a.test", NONE, None, False),
        ("http://a.test", None, NONE, None, False),
        ("http://a.test", "", NONE, None, False),
        # the public URL, whatever the host that a proxy passes on
        (PUBLIC, "10.0.0.7:8000", NONE, PUBLIC, True),
        (f"{PUBLIC}:443", "10.0.0.7:8000", NONE, PUBLIC, True),
        (PUBLIC, "api.example.com", NONE, PUBLIC, True),
        ("http://api.example.com", "api.example.com", NONE, PUBLIC, False),
        ("http://api.example.com:443", "api.example.com:443", NONE, PUBLIC, False),
        ("http://127.0.0.1:4000", "127.0.0.1:4000", NONE, "http://127.0.0.1:8000", True),
        # allowed origins are exact
        (APP, "a.test", (APP,), None, True),
        (f"{APP}:443", "a.test", (APP,), None, True),
        (f"{APP}:444", "a.test", (APP,), None, False),
        ("http://app.example.com", "a.test", (APP,), None, False),
        ("https://x.app.example.com", "a.test", (APP,), None, False),
        ("tauri://localhost", "a.test", ("tauri://localhost",), None, True),
        ("https://evil.test", "a.test", ("*",), None, True),
        ("null", "a.test", ("*",), None, True),
        # no origin of a page
        ("null", "null", NONE, None, False),
        ("", "", NONE, None, False),
        ("//a.test", "a.test", NONE, None, False),
        ("http://a.test/", "a.test", NONE, None, False),
        ("http://a.test?", "a.test", NONE, None, False),
        ("http://evil.test@a.test", "a.test", NONE, None, False),
        ("http://a.test", "evil.test@a.test", NONE, None, False),
        ("http://a.test:99999", "a.test:99999", NONE, None, False),
        ("http://[a.test", "[a.test", NONE, None, False),
        ("http://a.test http://evil.test", "a.test", NONE, None, False),
        ("http://a.test", "a.test/evil", NONE, None, False),
    ],
)
def test_the_origin_of_a_page_decides(origin: str, host: str | None, allowed: tuple[str, ...], public: str | None, expected: bool) -> None:
    assert PageOrigins(allowed, public).allow(origin, host) is expected


@pytest.mark.parametrize(
    ("method", "headers", "allowed"),
    [
        ("GET", {}, True),
        ("GET", {"sec-fetch-site": "none"}, True),
        ("GET", {"sec-fetch-site": "same-site"}, False),
        ("POST", {}, False),
        ("POST", {"sec-fetch-site": "none"}, False),
        ("POST", {"sec-fetch-site": "same-origin"}, True),
        ("POST", {"origin": "http://evil.test", "sec-fetch-site": "same-origin"}, False),
        ("WEBSOCKET", {}, False),
        ("WEBSOCKET", {"sec-fetch-site": "none"}, False),
        ("WEBSOCKET", {"origin": "http://evil.test"}, False),
        ("WEBSOCKET", {"origin": "http://a.test"}, True),
    ],
)
def test_a_cookie_works_for_own_pages_only(method: str, headers: dict[str, str], allowed: bool) -> None:
    """A handshake of a WebSocket is a GET, and no safe one."""
    scope: dict[str, Any] = {
        "method": method,
        "headers": [(b"host", b"a.test"), *((name.encode(), value.encode()) for name, value in headers.items())],
    }
    if method == "WEBSOCKET":
        scope |= {"method": "GET", "extensions": {SWITCH: {}}}
    with nullcontext() if allowed else pytest.raises(Forbidden, match="not accepted from the page of another origin"):
        require_own_page(scope, PageOrigins([], None))
