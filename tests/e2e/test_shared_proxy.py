"""A shared cache in front of the server, nginx, that knows nothing of tenants: it serves neither tenant the other's answer."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import services
from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, free_port, serving, until
from tests.isolation import child_setup

pytestmark = pytest.mark.slow
NGINX = Path("/usr/sbin/nginx")
CONFIGURATION = """
daemon off; pid {home}/pid; error_log {home}/error.log; {user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
    proxy_cache_path {home}/cache keys_zone=all:1m use_temp_path=off;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{origin};
            proxy_cache all;
            proxy_cache_key $request_uri;
            add_header X-Proxy-Cache $upstream_cache_status always;
        }}
    }}
}}
"""
"""The path alone is the key: only what the server declares keeps answers apart."""


@contextmanager
def proxy_to(origin: Backend) -> Iterator[Backend]:
    if not NGINX.exists():
        services.absent("Debian's nginx-light is not installed (`make services`)")
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        user = "user root;" if os.getuid() == 0 else ""
        (home / "nginx.conf").write_text(CONFIGURATION.format(home=home, port=port, origin=origin.port, user=user))
        process = subprocess.Popen([NGINX, "-e", home / "error.log", "-c", home / "nginx.conf"], preexec_fn=child_setup())
        try:
            yield replace(origin, port=port, process=process, log=home / "error.log").ready()
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def proxy(project: Project) -> Iterator[Backend]:
    with serving(project.home, "--no-worker", **UNLIMITED) as backend, proxy_to(backend.ready()) as made:
        yield made


def get(proxy: Backend, path: str, token: str | None = None, **headers: str) -> tuple[int, str | None, Any]:
    """Status, what the proxy did, and the content."""
    status, answered, content = proxy.exchange("GET", path, None, token, headers)
    return status, answered["X-Proxy-Cache"], content


@pytest.fixture
def tenants(proxy: Backend, project: Project) -> dict[str, str]:
    """Two tenants and a token for each."""
    token, found = project.log_in(proxy), {}
    for slug in ("one", "two"):
        status, tenant = proxy.request("POST", "/api/v1/tenants", {"name": slug, "slug": slug}, token)
        assert status == 201, tenant
        status, switched = proxy.request("POST", f"/api/v1/tenants/{tenant['id']}/switch", None, token)
        assert status == 200, switched
        found[tenant["id"]] = switched["access_token"]
    return found


def test_a_shared_cache_serves_neither_tenant_the_others_answer(proxy: Backend, tenants: dict[str, str]) -> None:
    for path in ("/api/v1/tenants/{}", "/api/v1/tenants/{}/members"):
        for tenant, token in tenants.items():
            (stranger,) = (other for other in tenants.values() if other != token)
            for _ in range(3):
                status, cached, mine = get(proxy, path.format(tenant), token)
                assert (status, cached) == (200, "MISS"), mine
                status, cached, refused = get(proxy, path.format(tenant), stranger)
                assert (status, cached, refused["type"]) == (404, "MISS", "/problems/not-found")
                status, cached, refused = get(proxy, path.format(tenant))
                assert (status, cached, refused["type"]) == (401, "MISS", "/problems/unauthenticated")


def test_the_shared_cache_does_keep_what_is_public(proxy: Backend) -> None:
    path = "/.well-known/jwks.json"
    until(lambda: get(proxy, path)[1] == "HIT", "an answer of the proxy's own")
