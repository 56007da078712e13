"""Writes the file of a context's next revision, from the files on disk: no database is needed."""

import re
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.migrations.revisions import BASE, Branch, chain, read
from api_base.infrastructure.db.migrations.runner import configuration

MAX_ID_LENGTH: Final = 32
"""Maximum length of `alembic_version.version_num`."""


def write(branches: Sequence[Branch], name: str, message: str) -> Path:
    """Write the next revision of the branch `name` from the template. Raises `ConfigurationError` for an unknown branch."""
    branch = next((branch for branch in branches if branch.name == name), None)
    if branch is None:
        raise ConfigurationError(f"No context named {name!r} has migrations. Known: {', '.join(sorted(b.name for b in branches))}.")
    revisions = read(branches).values()
    line = chain(revisions, name)
    number = len(line) + 1
    id, slug = f"{name}_{number:03}", re.sub(r"\W+", "_", message.lower()).strip("_")[:40]
    if len(id) > MAX_ID_LENGTH or not slug:
        raise ConfigurationError(f"{id}: use a context name of at most {MAX_ID_LENGTH - 4} characters and a message that contains letters.")
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
        depends_on=None if line or name == BASE.name else [chain(revisions, BASE.name)[-1].id],
    )
    assert made is not None
    return Path(made.path)


def _sentence(message: str) -> str:
    """Return `message` as one sentence for the docstring, without the full stop."""
    words = " ".join(message.split()).rstrip(".").replace("\\", "/").replace('"', "'")
    return words[:1].upper() + words[1:]
