"""The URL under which clients reach the server: which are accepted, what routes of FastAPI see of it, and which of our own paths it may not hide."""

import json
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, Request
from pydantic import ValidationError

from api_base.bootstrap.application import wired_app
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.core.errors import Unavailable, WiringError
from api_base.interface.middleware.fixed_answers import FixedAnswers

SHOP = "https://example.com/shop"


def settings(public_url: str | None) -> Settings:
    return Settings(_env_file=None, server={} if public_url is None else {"public_url": public_url})


@pytest.mark.parametrize(
    ("given", "kept", "prefix"),
    [
        ("https://api.example.com", "https://api.example.com", ""),
        ("http://10.0.0.1:8080/", "http://10.0.0.1:8080", ""),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", ""),
        ("https://example.com/shop", SHOP, "/shop"),
        ("https://example.com/shop/", SHOP, "/shop"),
        ("https://example.com/a/b.c/d-e_f~1", "https://example.com/a/b.c/d-e_f~1", "/a/b.c/d-e_f~1"),
    ],
)
def test_an_origin_with_a_path_or_without(given: str, kept: str, prefix: str) -> None:
    server = settings(given).server
    assert (server.public_url, server.public_prefix) == (kept, prefix)


@pytest.mark.parametrize(
    "given",
    [
        *("*", "", "example.com", "ftp://example.com", "https://", "https://example.com:port", "https://user@example.com"),
        *("https://example.com/shop?x=1", "https://example.com/#a", "https://example.com//shop", "https://example.com/shop//"),
        *("https://example.com/../x", "https://example.com/a/.", "https://example.com/%73hop", "https://example.com/läden", "https://a b/"),
        "https://example.com/shop\n",
    ],
)
def test_anything_else_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="must be a URL such as"):
        settings(given)


def plain(path: str) -> APIRouter:
    router = APIRouter()

    @router.get(f"{path}/{{number}}", name=f"read{path}")
    async def read(number: int, request: Request) -> dict[str, Any]:
        return {"number": number, "url": str(request.url), "next": str(request.url_for(f"read{path}", number=number + 1))}

    return router


async def asked(public_url: str | None, path: str) -> httpx2.Response:
    app = wired_app(settings(public_url), [*BUILT_IN, Context(name="shelf", prefix="/api/v1", routes=lambda _: plain("/shelves"))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://10.0.0.7:8000") as client:
        return await client.get(path)


@pytest.mark.parametrize("path", ["/shop/api/v1/shelves/1", "/api/v1/shelves/1"], ids=["kept", "removed"])
async def test_a_route_of_fastapi_makes_urls_for_clients(path: str) -> None:
    answer = await asked(SHOP, f"{path}?x=y")
    base = f"{SHOP}/api/v1/shelves"
    assert answer.json() == {"number": 1, "url": f"{base}/1?x=y", "next": f"{base}/2"}


async def test_without_a_public_url_they_are_those_of_the_request() -> None:
    base = "http://10.0.0.7:8000/api/v1/shelves"
    assert (await asked(None, "/api/v1/shelves/1")).json() == {"number": 1, "url": f"{base}/1", "next": f"{base}/2"}


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/shop/api/v1/shelves/x", "/shop/api/v1/shelves/x"),
        ("/api/v1/shelves/x", "/shop/api/v1/shelves/x"),
        ("/shop", "/shop/"),
        ("/shopping", "/shop/shopping"),
        ("/shop/shop/x", "/shop/shop/x"),
    ],
)
async def test_a_problem_names_the_path_that_the_client_used(path: str, instance: str) -> None:
    problem = (await asked(SHOP, path)).json()
    assert (problem["instance"], problem["type"].startswith("/shop/problems/")) == (instance, True)


@pytest.mark.parametrize("path", [b"/shop/api/v1/items", b"/api/v1/items"])
def test_refusals_before_the_application_name_it_too(path: bytes) -> None:
    answers = FixedAnswers(settings(SHOP).server)
    sent = answers.render(Unavailable("The server is busy."), [], path=path, head_only=False, request=[])
    problem = json.loads(sent.partition(b"\r\n\r\n")[2])
    assert (problem["type"], problem["instance"]) == ("/shop/problems/unavailable", "/shop/api/v1/items")


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/health", "/docs", "/api/v1/shelves"])
def test_a_path_with_which_routes_begin_is_refused_at_start(path: str) -> None:
    contexts = [*BUILT_IN, Context(name="shelf", prefix="/api/v1", routes=lambda _: plain("/shelves"))]
    with pytest.raises(WiringError, match=f"SERVER__PUBLIC_URL has the path {path}, with which [A-Z]+ {path}(/[^ ]*)? begins"):
        wired_app(settings(f"https://example.com{path}"), contexts)


@pytest.mark.parametrize("path", ["/apis", "/shop/api", "/doc"])
def test_any_other_path_is_accepted(path: str) -> None:
    wired_app(settings(f"https://example.com{path}"), BUILT_IN)
