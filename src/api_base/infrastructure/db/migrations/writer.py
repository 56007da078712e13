"""Writes the file of a context's next revision, from the files on disk: empty, or with what makes the database as the context declares its tables."""

import re
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.migrations.comparison import Difference
from api_base.infrastructure.db.migrations.revision_files import Revision
from api_base.infrastructure.db.migrations.revisions import BASE, Branch, chain, read
from api_base.infrastructure.db.migrations.runner import configuration
from api_base.infrastructure.db.migrations.statements import formatted, names_in

MAX_ID_LENGTH: Final = 32
"""Maximum length of `alembic_version.version_num`."""
TEXT_SEARCH: Final = "text_search"
"""The branch whose functions a text search uses."""
_IMPORTS: Final = (
    ("sqlalchemy.dialects", ("postgresql",)),
    ("sqlalchemy.dialects.postgresql", ("ARRAY", "JSONB")),
    ("api_base", ("ddl", "not_searchable", "searchable", "text", "timestamp")),
    ("api_base.infrastructure.db.schema", ("Xid8",)),
)
"""Modules and the names that statements use of them; those of other packages come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The parts of the template; empty for a revision to write by hand."""

    imports: str = ""
    upgrade: str = ""
    downgrade: str = ""
    searches: bool = False


def write(branches: Sequence[Branch], name: str, message: str) -> Path:
    """Write an empty revision of the branch `name`. Raises `ConfigurationError` for an unknown branch."""
    return _write(branches, name, message, _Content())


def write_difference(branches: Sequence[Branch], name: str, message: str | None, difference: Difference) -> Path | None:
    """Write a revision of the branch `name` that does what `difference` says; None if there is nothing to do. Raises as `write` does."""
    if not difference.upgrade:
        return None
    named = message or (f"Create {', '.join(difference.creates)}" if difference.creates else f"Change the tables of {name}")
    down = difference.downgrade
    imports, upgrade = _imports([*difference.upgrade, *down]), formatted(difference.upgrade)
    return _write(
        branches, name, named, _Content(imports=imports, upgrade=upgrade, downgrade=formatted(down), searches=difference.searches)
    )


def _write(branches: Sequence[Branch], name: str, message: str, content: _Content) -> Path:
    branch = branch_of(branches, name)
    revisions = list(read(branches).values())
    line = chain(revisions, name)
    number = len(line) + 1
    id, slug = f"{name}_{number:03}", re.sub(r"\W+", "_", message.lower()).strip("_")[:40]
    if len(id) > MAX_ID_LENGTH or not slug:
        raise ConfigurationError(
            f"The revision {id} cannot be written: its id has at most {MAX_ID_LENGTH} characters, and its message contains letters."
        )
    branch.folder.mkdir(parents=True, exist_ok=True)
    config = configuration(branches)
    config.cmd_opts = Namespace(quiet=True)
    config.set_main_option("file_template", f"{number:03}_{slug}")
    script = ScriptDirectory.from_config(config)
    made = script.generate_revision(
        id,
        _sentence(message),
        head=line[-1].id if line else "base",
        version_path=branch.folder,
        branch_labels=None if line else name,
        depends_on=_depends_on(revisions, name, line, searches=content.searches) or None,
        imports=content.imports,
        upgrades=content.upgrade,
        downgrades=content.downgrade,
    )
    assert made is not None
    return Path(made.path)


def branch_of(branches: Sequence[Branch], name: str) -> Branch:
    """Return the branch `name`. Raises `ConfigurationError` for an unknown one."""
    branch = next((branch for branch in branches if branch.name == name), None)
    if branch is None:
        raise ConfigurationError(f"No context named {name!r} has migrations. Known: {', '.join(sorted(b.name for b in branches))}.")
    return branch


def _depends_on(revisions: Sequence[Revision], name: str, line: Sequence[Revision], *, searches: bool) -> list[str]:
    """The first revision of a context needs the base, and one with a text search the functions of that."""
    needed = [] if line or name == BASE.name else [BASE.name]
    return [chain(revisions, one)[-1].id for one in (*needed, *([TEXT_SEARCH] if searches else []))]


def _imports(statements: Sequence[str]) -> str:
    """Return the imports of what the statements use, in the order of isort."""
    used = names_in(statements)
    lines = ["import sqlalchemy as sa"] * ("sa" in used) + ["from alembic import op"] * ("op" in used)
    own = list[str]()
    for module, names in _IMPORTS:
        if found := [one for one in names if one in used]:
            (own if module.startswith("api_base") else lines).append(f"from {module} import {', '.join(found)}")
    return "\n".join(lines) + "\n" * 2 * bool(lines and own) + "\n".join(own)


def _sentence(message: str) -> str:
    """Return `message` as one sentence for the docstring, without the full stop."""
    words = " ".join(message.split()).rstrip(".").replace("\\", "/").replace('"', "'")
    return words[:1].upper() + words[1:]
