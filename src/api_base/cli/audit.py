"""`api-base audit`: verify and export the audit trail."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

app = typer.Typer(no_args_is_help=True, help="Verify and export the audit trail.")

Tenant = Annotated[
    UUID | None, typer.Option(help="Only the chain of this tenant; the nil UUID selects the records without a tenant. Default: all.")
]


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="Export to verify instead of the database.", exists=True, dir_okay=False)] = None,
    tenant: Tenant = None,
    checkpoints: Annotated[Path | None, typer.Option(help="Directory of the signed heads. Default: AUDIT__CHECKPOINTS.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Thumbprint of a key to trust for FILE. Default: the keys of this installation.")
    ] = None,
) -> None:
    """List records that were edited, removed, inserted or reordered, and chains that were truncated or rewritten.

    Exit code 1 if there are any.
    """
    from api_base.application.audit.dtos import Checked
    from api_base.bootstrap.configuration import load
    from api_base.cli.running import run
    from api_base.operations.audit_trail import own_keys, verify_database, verify_file

    checked = Checked()

    if file is None:
        found = run(lambda settings, contexts: verify_database(settings, contexts, tenant, checkpoints, checked, print))
    else:
        settings, _ = load()
        found = len([print(one) for one in verify_file(file, key or own_keys(settings), checked)])
    waiting = f", {checked.unsealed} wait to be sealed" if checked.unsealed else ""
    print(f"{checked.records} sealed records in {checked.chains} chains{waiting}: {found or 'no'} findings.")
    raise typer.Exit(1 if found else 0)


@app.command()
def export(
    tenant: Tenant = None,
    since: Annotated[datetime | None, typer.Option(help="Only records sealed at or after this time (UTC).")] = None,
) -> None:
    """Print the sealed trail as JSON Lines, with its seals and signed heads.

    `api-base audit verify FILE` verifies it on any machine.
    """
    import sys

    from api_base.cli.running import run
    from api_base.operations.audit_trail import export as exported

    from_ = None if since is None else since.replace(tzinfo=since.tzinfo or UTC)

    def write(line: bytes) -> None:
        sys.stdout.buffer.write(line + b"\n")

    run(lambda settings, contexts: exported(settings, contexts, tenant, from_, write))
