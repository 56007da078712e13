"""Revisions as they lie on disk, read without importing them or Alembic, so that a start can tell cheaply whether any is pending.

Branches are linear: one root and one head for each. What a database has is its stored heads and all they build upon.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """The revisions of one context: `name` is their branch label, `folder` where they lie (it need not exist yet)."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """`follows` is the revision before it in its branch, `depends_on` are revisions of other branches."""

    id: str
    branch: str
    follows: str | None
    depends_on: tuple[str, ...]
    path: Path


BASE = Branch(name="base", folder=Path(__file__).parent / "versions")
"""What every context builds upon."""


def read(branches: Sequence[Branch]) -> dict[str, Revision]:
    """All revisions by id. Raises `ConfigurationError` for a file that is none, or an id that stands twice."""
    found: dict[str, Revision] = {}
    for branch in branches:
        for path in sorted(branch.folder.glob("*.py")):
            if path.name == "__init__.py":
                continue
            revision = _read_file(branch.name, path)
            if revision.id in found:
                raise ConfigurationError(f"The revision {revision.id} stands in {found[revision.id].path} and in {path}. Rename one.")
            found[revision.id] = revision
    return found


def chain(revisions: Iterable[Revision], branch: str) -> list[Revision]:
    """The revisions of `branch`, first to last. Raises `ConfigurationError` where they are no single line."""
    following: dict[str | None, Revision] = {}
    own = [revision for revision in revisions if revision.branch == branch]
    for revision in own:
        if revision.follows in following:
            other = following[revision.follows].id
            raise ConfigurationError(f"{other} and {revision.id} both follow {revision.follows or 'nothing'}. Make one follow the other.")
        following[revision.follows] = revision
    line: list[Revision] = []
    while (last := line[-1].id if line else None) in following:
        line.append(following[last])
    if len(line) != len(own):
        lost = sorted({r.id for r in own} - {r.id for r in line})
        raise ConfigurationError(f"Revisions of {branch} follow one that is not there: {', '.join(lost)}. Mend their down_revision.")
    return line


def closure(stored: Iterable[str], revisions: dict[str, Revision]) -> set[str]:
    """`stored` heads with everything that they build upon, as far as it is known here."""
    reached: set[str] = set()
    waiting = list(stored)
    while waiting:
        id = waiting.pop()
        if id in reached:
            continue
        reached.add(id)
        if revision := revisions.get(id):
            waiting += [*revision.depends_on, *((revision.follows,) if revision.follows else ())]
    return reached


def _read_file(branch: str, path: Path) -> Revision:
    values: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            try:
                values[target.id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    if "revision" not in values:
        raise ConfigurationError(f"{path} is no revision: it has no line `revision = …`. Move it out of the migrations of {branch}.")
    return Revision(
        id=values["revision"],
        branch=branch,
        follows=values.get("down_revision"),
        depends_on=_tuple(values.get("depends_on")),
        path=path,
    )


def _tuple(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
