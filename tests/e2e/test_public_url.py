"""Behind nginx and Caddy, on another host, with TLS and below a path, which the proxy keeps or removes: every URL that leaves the process resolves."""

import hashlib
import json
import os
import re
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import httpx2
import pytest

from tests import services
from tests.certificates import self_signed
from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, free_port, run, serving, until
from tests.isolation import child_setup

pytestmark = pytest.mark.slow
PREFIX: Final = "/shop"
NGINX: Final = """
daemon off; pid {home}/pid; error_log {home}/error.log; {user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {home}/certificate.pem;
        ssl_certificate_key {home}/key.pem;
        root {home}/nothing;
        location {prefix}/ {{ proxy_pass http://127.0.0.1:{origin}{removed}; }}
    }}
}}
"""
CADDY: Final = """
{{
    admin off
    auto_https disable_redirects
}}
https://localhost:{port} {{
    bind 127.0.0.1
    tls {home}/certificate.pem {home}/key.pem
    {handle} {prefix}/* {{
        reverse_proxy 127.0.0.1:{origin}
    }}
}}
"""
PROXIES: Final = {
    "nginx-keeps": (NGINX, {"removed": ""}),
    "nginx-removes": (NGINX, {"removed": "/"}),
    "caddy-keeps": (CADDY, {"handle": "handle"}),
    "caddy-removes": (CADDY, {"handle": "handle_path"}),
}
ELSEWHERE: Final = ("https://iana.org/", "https://json-schema.org/")
"""URLs of others: registered problem types, and the dialect of schemas."""


@dataclass(frozen=True)
class Public:
    """The backend, and the URL under which clients reach it. Each test starts its proxy on that port."""

    backend: Backend
    project: Project
    folder: Path
    port: int
    token: str
    """Of the administrator."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}{PREFIX}"


@pytest.fixture(scope="module")
def public(project: Project) -> Iterator[Public]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        self_signed(Path(folder))
        with serving(project.home, SERVER__PUBLIC_URL=f"https://localhost:{port}{PREFIX}", **UNLIMITED) as backend:
            yield Public(backend.ready(), project, Path(folder), port, project.log_in(backend))


@contextmanager
def proxy(public: Public, name: str) -> Iterator[Callable[[], None]]:
    """Yield a function that fails the test unless the proxy runs."""
    text, words = PROXIES[name]
    home, program = public.folder, Path(f"/usr/{'sbin/nginx' if text is NGINX else 'bin/caddy'}")
    if not program.exists():
        services.absent(f"Debian's {program.name} is not installed (`make services`)")
    user = "user root;" if os.getuid() == 0 else ""
    configuration = home / f"{name}.conf"
    values: dict[str, object] = {"home": home, "port": public.port, "origin": public.backend.port, "prefix": PREFIX, "user": user, **words}
    configuration.write_text(text.format(**values))
    arguments = (
        ["-e", home / "error.log", "-c", configuration] if text is NGINX else ["run", "--adapter", "caddyfile", "--config", configuration]
    )
    with (home / f"{name}.log").open("wb") as log:
        variables = {**os.environ, "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        process = subprocess.Popen([program, *arguments], preexec_fn=child_setup(), stdout=log, stderr=log, env=variables)

    def running() -> None:
        assert process.poll() is None, (home / f"{name}.log").read_text()

    try:
        yield running
    finally:
        process.terminate()
        process.wait(30)


class _Linked(HTMLParser):
    """What a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


def urls_in(content: Any, name: str = "") -> Iterator[str]:
    """Every text of a JSON document that is a URL or an absolute path. JSON Pointers are none."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from urls_in(value, key)
    elif isinstance(content, list):
        for value in content:
            yield from urls_in(value, name)
    elif isinstance(content, str) and name not in ("pointer", "name") and re.match(r"(https?:/)?/\S*$", content):
        yield content


def urls_of(response: httpx2.Response) -> set[str]:
    """Every URL of an answer, absolute."""
    found = [response.headers[name] for name in ("location", "content-location") if name in response.headers]
    found += re.findall(r"<([^>]*)>", response.headers.get("link", ""))
    found += re.findall(r'resource_metadata="([^"]*)"', response.headers.get("www-authenticate", ""))
    found += [path for path in re.findall(r"[Pp]ath=([^;,\s]*)", response.headers.get("set-cookie", "")) if path != "/"]
    media_type = response.headers.get("content-type", "")
    if "json" in media_type and response.content:
        found += urls_in(response.json())
    elif media_type.startswith("text/html"):
        found += _Linked(response.text).found
    return {urljoin(str(response.url), one) for one in found}


class Walk:
    """A client that follows every URL of every answer."""

    def __init__(self, public: Public) -> None:
        trusted = ssl.create_default_context(cafile=public.folder / "certificate.pem")
        self.public, self.client = public, httpx2.Client(verify=trusted, timeout=20)
        self.followed: set[str] = set()

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        response = self.client.request(method, f"{self.public.url}{path}", **options)
        assert not response.is_server_error, (method, path, response.text)
        for url in urls_of(response) - self.followed:
            self.followed.add(url)
            if not url.startswith(ELSEWHERE):
                assert f"{url}/".startswith(f"{self.public.url}/"), f"{method} {path} answers with {url}"
                assert self.resolves(url), f"{method} {path} answers with {url}, which is no route"
        return response

    def resolves(self, url: str) -> bool:
        """Whether something serves the URL: also who may not, or not so, is answered otherwise than for an unknown path."""
        answer = self.client.get(url.partition("#")[0])
        problem = answer.json()["type"] if "problem+json" in answer.headers.get("content-type", "") else ""
        return answer.status_code < 400 or not (problem == "" or problem.endswith("route-not-found"))


@pytest.fixture(params=PROXIES)
def walk(public: Public, request: pytest.FixtureRequest) -> Iterator[Walk]:
    with proxy(public, request.param) as running:
        made = Walk(public)
        until(lambda: running() or reached(made), "an answer of the proxy")
        yield made
        made.client.close()


def reached(walk: Walk) -> bool:
    try:
        return walk.client.get(f"{walk.public.url}/health/live").status_code == 200
    except httpx2.TransportError:
        return False


def test_every_url_of_every_answer_resolves(walk: Walk) -> None:
    document = walk.ask("GET", "/openapi.json").json()
    assert document["servers"][0]["url"] == PREFIX
    assert document["components"]["securitySchemes"]["password"]["flows"]["password"]["tokenUrl"] == f"{PREFIX}/api/v2/auth/token"
    headers = {"Authorization": f"Bearer {walk.public.token}"}
    for path in ("/docs", "/docs/graphiql", "/docs/reference", "/links/reset-password", "/asyncapi.json", "/events/items.created.v1.json"):
        walk.ask("GET", path)
    for path, operations in document["paths"].items():
        concrete = re.sub(r"{\w+}", "00000000-0000-7000-8000-000000000000", path)
        for method in operations:
            sent: Mapping[str, Any] = {} if method in ("get", "delete") else {"json": {}}
            if method == "get" and "text/event-stream" in json.dumps(operations[method]["responses"].get("200", {})):
                continue  # it has no end, and no URL
            if "/sessions" not in path and "/logout" not in path:  # they end the session of this walk
                walk.ask(method.removeprefix("x-").upper(), concrete, headers=headers, **sent)
            walk.ask(method.removeprefix("x-").upper(), concrete, **sent)
    assert any("/problems/" in url for url in walk.followed)


def test_what_is_created_is_found_where_it_says(walk: Walk) -> None:
    headers = {"Authorization": f"Bearer {tenant_token(walk)}"}
    made = walk.ask("POST", "/api/v1/items", headers=headers, json={"sku": f"P-{free_port()}", "name": "Lamp", "category": "lighting"})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{PREFIX}/api/v1/items/{made.json()['id']}"
    assert walk.client.get(urljoin(str(made.url), made.headers["location"]), headers=headers).json() == made.json()
    resumable = {**headers, "Tus-Resumable": "1.0.0", "Upload-Length": "4", "Upload-Metadata": "filename YS50eHQ="}
    begun = walk.ask("POST", "/api/v1/files/uploads", headers=resumable)
    assert begun.status_code == 201, begun.text
    found = walk.client.head(urljoin(str(begun.url), begun.headers["location"]), headers={**headers, "Tus-Resumable": "1.0.0"})
    assert (found.status_code, found.headers["upload-offset"]) == (200, "0")
    sha256 = hashlib.sha256(b"text").hexdigest()
    asked = {"name": "a.txt", "content_type": "text/plain", "size": 4, "sha256": sha256}
    ticket = walk.ask("POST", "/api/v1/files/tickets", headers=headers, json=asked).json()
    assert ticket["url"].startswith(f"{walk.public.url}/storage/")
    assert walk.client.put(ticket["url"], content=b"text", headers=ticket["headers"]).status_code == 200
    completed = walk.ask("POST", f"/api/v1/files/{ticket['id']}/complete", headers=headers)
    assert completed.json()["sha256"] == sha256, completed.text
    cookie = walk.ask("POST", "/api/v1/events/session", headers={**headers, "Origin": f"https://localhost:{walk.public.port}"})
    assert f"Path={PREFIX}/api/v1/events/stream" in cookie.headers["set-cookie"]


@pytest.mark.parametrize("walk", ["nginx-keeps"], indirect=True)
def test_events_and_mails_name_the_public_url(walk: Walk) -> None:
    public = walk.public
    listed = run(public.project.home, "events", "list", "--limit", "1", SERVER__PUBLIC_URL=public.url)
    (event,) = map(json.loads, listed.stdout.splitlines())
    assert event["source"] == public.url
    assert walk.client.get(event["dataschema"]).json()["title"]
    before = public.backend.output.count("/links/reset-password#token=")
    forgotten = {"json": {"email": public.project.email}}  # which has a limit
    until(lambda: walk.ask("POST", "/api/v1/auth/password/forgotten", **forgotten).status_code == 204, "the request of a link")
    until(lambda: public.backend.output.count("/links/reset-password#token=") > before, "the mail")
    link = re.findall(r"(https?://\S*/links/reset-password)#token=", public.backend.output)[-1]
    assert link == f"{public.url}/links/reset-password"
    assert walk.client.get(link).status_code == 200


def tenant_token(walk: Walk) -> str:
    """A token for a tenant of the administrator's own."""
    headers, slug = {"Authorization": f"Bearer {walk.public.token}"}, f"t{free_port()}"
    made = walk.ask("POST", "/api/v1/tenants", headers=headers, json={"name": slug, "slug": slug})
    token: str = walk.ask("POST", f"/api/v1/tenants/{made.json()['id']}/switch", headers=headers).json()["access_token"]
    return token
