"""The official conformance suite of MCP, npm's `@modelcontextprotocol/conformance`, against a server process: `make mcp-conformance`. It needs npm.

Scenarios of what the server does not have do not apply: prompts, completion, logging, sampling, elicitation, subscriptions, SSE streams and
custom headers; so do those that call tools and read resources of the suite's own demonstration server.
"""

import http.client
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.test_mcp_client import issued
from tests.e2e.test_uploads import backend_of

HERE = Path(__file__).parent / "mcp_conformance"
SCENARIOS = {
    "2025-11-25": ("server-initialize", "ping", "tools-list", "resources-list", "dns-rebinding-protection"),
    "2026-07-28": (
        "server-stateless",
        "tools-list",
        "resources-list",
        "sep-2164-resource-not-found",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
    ),
}
NOT_APPLICABLE = {
    "sep-2549-prompts-list-caching-hints": "The server has no prompts.",
    "sep-2575-server-rejects-undeclared-capability": "It calls test_missing_capability of the suite's demonstration server.",
    "sep-2575-missing-capability-http-400": "It calls test_missing_capability of the suite's demonstration server.",
    "sep-2575-http-server-no-independent-requests-on-stream": "It calls test_streaming_elicitation of the suite's demonstration server.",
    "sep-2575-server-no-log-without-loglevel": "It calls test_logging_tool of the suite's demonstration server.",
}
"""Checks of these scenarios that need what the server does not have."""
_FAILED = re.compile(r"\[([a-z0-9-]+) *\] (?:\x1b\[\d+m)?FAILURE")


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conformance")
    shutil.copy(HERE / "package.json", folder)
    subprocess.run(["npm", "install", "--no-package-lock", "--silent"], cwd=folder, check=True)
    return folder


@contextmanager
def authorized(port: int, token: str) -> Iterator[int]:
    """A proxy that adds the token: the suite sends none. The port on which it listens."""

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Authorization", f"Bearer {token}")
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_POST = do_GET = do_DELETE = forward

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("revision", SCENARIOS)
def test_the_server_passes_the_scenarios_that_apply(project: Project, suite: Path, revision: str) -> None:
    node, main = suite / "node_modules/node/bin/node", suite / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    failed: dict[str, list[str]] = {}
    with backend_of(project) as (backend, login), authorized(backend.port, issued(backend, login)) as port:
        for scenario in SCENARIOS[revision]:
            command = [node, main, "server", "--url", f"http://127.0.0.1:{port}/mcp", "--scenario", scenario, "--spec-version", revision]
            ran = subprocess.run(command, cwd=suite, capture_output=True, text=True, timeout=60, check=False)
            checks = [one for one in _FAILED.findall(ran.stdout) if one not in NOT_APPLICABLE]
            if checks or "Passed: " not in ran.stdout:
                failed[scenario] = checks or [ran.stdout[-2000:] + ran.stderr[-1000:]]
    assert failed == {}
