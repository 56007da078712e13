"""`api-base upgrade`: bring a project to what the installed version generates."""

from pathlib import Path
from typing import Annotated

import typer


def upgrade(dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the changes as a diff, and write nothing.")] = False) -> None:
    """Merge what this version generates otherwise than the older one did into the project in this folder. Exit code 1 if there are conflicts."""
    from api_base.core.di import missing_extra
    from api_base.core.errors import ConfigurationError

    if missing := missing_extra("generate"):
        raise ConfigurationError(f"api-base upgrade {missing}")
    from api_base.generating.completion import application_events
    from api_base.generating.origin import origin_for
    from api_base.generating.record import RECORD
    from api_base.generating.staging import apply
    from api_base.generating.upgrade import refuse_uncommitted, upgrade_of

    project = Path.cwd()
    origin = origin_for(project)
    found = upgrade_of(project, origin, application_events)
    files = [change for change in found.changes if change.path != RECORD]
    if dry_run:
        print("\n".join(change.diff for change in files), end="")
    else:
        refuse_uncommitted(project, found)
        apply(project, found.changes)
        origin.copy_into(project)
        for change in files:
            print(f"{'created' if change.before is None else 'conflict in' if change.path in found.conflicts else 'changed'} {change.path}")
    for remark in found.remarks:
        print(remark)
    if not files and not found.remarks:
        print(f"Nothing to do: version {found.newer} generates what version {found.older} had generated.")
    elif found.conflicts:
        print(
            f"Both you and the new version changed lines of {', '.join(found.conflicts)}: the text between <<<<<<< and >>>>>>>. Decide on each."
        )
        raise typer.Exit(1)
    elif not dry_run:
        print("Next: make check, make test, git diff")
