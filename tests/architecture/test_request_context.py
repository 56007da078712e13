"""A RequestContext is made at the outside and never written to: control flow does not hide in it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from api_base.core.types import RequestContext
from tools.request_path import SOURCE

OUTERMOST: Final = {
    "application/common/jobs/runner.py": "a worker executes a job",
    "application/common/middleware/visit.py": "a message of public pages runs as a visit, without the rights of its caller",
    "application/common/realtime/hub.py": "a subscription is checked as its connection's caller, outside of any request",
    "application/common/remote/service.py": "another service calls",
    "application/common/seeds.py": "a step of a seed begins with a key",
    "application/services/file_upload/maintenance.py": "the worker removes expired uploads and scans files again, tenant by tenant",
    "core/shared/trace_units.py": "a worker delivers an event: the span of the delivery is the parent of what follows",
    "interface/graphql/engine.py": "an event of a subscription is executed, with the permissions of that moment",
    "interface/graphql/mutations.py": "a mutation begins with a key",
    "interface/graphql/transport_ws.py": "the payload of connection_init names the principal",
    "interface/mcp/catalogue.py": "a tool is executed with a key, or without leaving a change",
    "interface/middleware/auth.py": "the credentials name the principal",
    "interface/middleware/logging.py": "an HTTP request begins",
    "interface/routes/exports.py": "a long export goes on with the rights of that moment",
    "interface/routes/idempotency.py": "the route begins a request with a key",
    "interface/websocket/connection.py": "a WebSocket outlives the request of its handshake",
    "interface/websocket/handlers.py": "the first message names the principal, a later one a fresh token",
    "operations/acting.py": "the command line acts as a user",
    "testing/backend.py": "a test acts as a user",
    "serving/first_run.py": "the first run creates an administrator",
}
"""The only modules that set the context: the outermost place of each kind of work, or where the outside learns more of it."""

type Trees = list[tuple[Path, ast.Module]]


@pytest.fixture(scope="module")
def trees() -> Trees:
    return [(file, ast.parse(file.read_text(encoding="utf-8"))) for file in sorted(SOURCE.rglob("*.py"))]


def shown(file: Path) -> str:
    return str(file.relative_to(SOURCE))


def targets(tree: ast.Module) -> Iterator[ast.Attribute]:
    """The attributes that a module assigns to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node


def holds_a_context(node: ast.expr) -> bool:
    """Whether an expression is named as a context is: `context`, `exchange.context`, `current_context.get()`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in ("context", "_context", "NO_REQUEST")
        case ast.Call(func=ast.Attribute(value=ast.Name(id="current_context"), attr="get")):
            return True
    return False


def test_a_context_refuses_every_assignment() -> None:
    context = RequestContext(request_id="r")
    for name in (*RequestContext._fields, "another"):
        with pytest.raises(AttributeError):
            setattr(context, name, None)


def test_a_context_does_not_show_its_token() -> None:
    shown = repr(RequestContext(request_id="r-1", access_token="secret"))
    assert "r-1" in shown
    assert "secret" not in shown


def test_nothing_assigns_to_a_context_or_goes_around_its_refusal(trees: Trees) -> None:
    writers = [f"{shown(file)}:{node.lineno}" for file, tree in trees for node in targets(tree) if holds_a_context(node.value)]
    around = [
        f"{shown(file)}:{node.lineno}"
        for file, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__setattr__"
        if ast.unparse(node.args[0]) != "self"
    ]
    assert (writers, around) == ([], [])


def test_only_the_outside_sets_the_context(trees: Trees) -> None:
    setters = {
        shown(file)
        for file, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "set"
        and isinstance(node.value, ast.Name)
        and node.value.id == "current_context"
    }
    assert setters == OUTERMOST.keys()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("context.principal = None", True),
        ("exchange.context.origin = None", True),
        ("current_context.get().principal = None", True),
        ("del context.origin", True),
        ("context.attempts += 1", True),
        ("exchange.context = other", False),
        ("self.context = context", False),
    ],
)
def test_an_assignment_is_found(statement: str, found: bool) -> None:
    assert any(holds_a_context(node.value) for node in targets(ast.parse(statement))) is found
