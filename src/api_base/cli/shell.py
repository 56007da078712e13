"""`api-base shell`: run Python on the application."""

from typing import Annotated

import typer


def shell(
    email: Annotated[str, typer.Option("--as", help="E-mail address of the user who acts.", envvar="API_BASE_AS")],
    tenant: Annotated[str | None, typer.Option(help="Slug or id of the tenant. Default: none.")] = None,
) -> None:
    """Open a Python console with the bus, a user and a tenant; `await` works outside of functions.

    Everything that is sent on the bus has the permissions of the user, and is audited. If standard input is no terminal, it is run as a script:
    exit code 1 if the script ends with an error.
    """
    from api_base.cli.running import run
    from api_base.operations.shell import run_shell

    succeeded = run(lambda settings, contexts: run_shell(settings, contexts, email, tenant))
    raise typer.Exit(0 if succeeded else 1)
