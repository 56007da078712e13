"""Reads one file of a revision without importing it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from api_base.core.errors import Fault
from api_base.core.shared.places import at


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """`follows` is the revision before it in its branch, `depends_on` are revisions of other branches, `labels` are its branch labels."""

    id: str
    branch: str
    follows: str | None
    depends_on: tuple[str, ...]
    labels: tuple[str, ...]
    path: Path
    line: int

    def fault(self, sentence: str) -> Fault:
        """Return a fault of this revision."""
        return Fault(at(str(self.path), self.line), sentence)


def read_file(branch: str, path: Path) -> Revision | Fault:
    """Return the revision in a file of `branch`, or why it is none."""
    try:
        statements = ast.parse(path.read_text(encoding="utf-8")).body
    except SyntaxError as error:
        return Fault(at(str(path), error.lineno or 1), f"{path} is not Python: there is a syntax error in line {error.lineno}.")
    except ValueError:
        return Fault(at(str(path), 1), f"{path} is not Python: it contains bytes that are not UTF-8, or the character NUL.")
    values, lines = _constants(statements)
    id, follows = values.get("revision"), values.get("down_revision")
    if not isinstance(id, str):
        return Fault(
            at(str(path), 1), f"{path} is not a revision: it has no line `revision = …`. Move it out of the migrations of {branch}."
        )
    if not isinstance(follows, str | None):
        sentence = f"{path} has several revisions as down_revision. The revisions of a context form one line: name a single one."
        return Fault(at(str(path), lines["down_revision"]), sentence)
    return Revision(
        id=id,
        branch=branch,
        follows=follows,
        depends_on=_tuple(values.get("depends_on")),
        labels=_tuple(values.get("branch_labels")),
        path=path,
        line=lines["revision"],
    )


def _constants(statements: list[ast.stmt]) -> tuple[Mapping[str, object], Mapping[str, int]]:
    """Return the values of the module's constants, and their lines."""
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    for node in statements:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            try:
                values[target.id], lines[target.id] = ast.literal_eval(node.value), node.lineno
            except ValueError:
                continue
    return values, lines


def _tuple(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(str(one) for one in value)
    return () if value is None else (str(value),)
