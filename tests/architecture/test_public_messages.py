"""What callers are shown about a backing service names no host, no port and no error of a driver: those are the reason, for operators."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import api_base
from api_base.core.errors import Unavailable
from api_base.infrastructure.serialization import result_codec
from api_base.interface.errors.handlers import problem_of

PACKAGE: Final = Path(api_base.__path__[0])
PRIVATE: Final = {"host", "port", "broker", "brokers", "address", "url", "dsn", "user", "username"}
SAFE: Final = {"connection_reason(error)", "error.strerror", "event.id"}
"""Texts of our own, and descriptions by the operating system without numbers."""


def private_parts(source: str) -> Iterator[str]:
    """The private values in the messages of `Unavailable`: addresses, and errors that were caught."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Unavailable" and node.args:
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.FormattedValue) and ast.unparse(part.value) not in SAFE:
                    names = {
                        one.attr if isinstance(one, ast.Attribute) else one.id
                        for one in ast.walk(part)
                        if isinstance(one, ast.Attribute | ast.Name)
                    }
                    if names & {*PRIVATE, "error", "failure"}:
                        yield ast.unparse(node)


def test_no_message_of_an_unavailable_service_contains_an_address_or_an_error() -> None:
    found = [
        f"{file.relative_to(PACKAGE)}: {part}" for file in sorted(PACKAGE.rglob("*.py")) for part in private_parts(file.read_text("utf-8"))
    ]
    assert [entry.partition(":")[0] for entry in found] == [
        "application/common/middleware/retry.py",  # quotes a `Transient` of ours
        "infrastructure/db/migrations/runner.py",  # only commands migrate
    ]


def test_private_parts_are_recognised() -> None:
    assert list(private_parts("raise Unavailable(f'no {self.host}:{port}')"))
    assert list(private_parts("raise errors.Unavailable(f'no: {error or type(error).__name__}')"))
    assert not list(private_parts("raise Unavailable(f'no {name}', reason=error)"))


def test_the_reason_reaches_neither_callers_nor_other_services() -> None:
    reason = OSError(111, "Connect call failed ('10.0.0.5', 5672)")
    error = Unavailable("RabbitMQ failed while opening a channel.", reason=reason)
    assert "Errno 111" in str(error)
    problem, document = problem_of(error), result_codec.to_document(error)
    assert problem is not None
    assert document is not None
    assert (problem.detail, document.message) == ("RabbitMQ failed while opening a channel.",) * 2
    assert str(result_codec.from_document(document)) == document.message
    assert "TimeoutError" in str(Unavailable("It failed.", reason=TimeoutError()))
