"""`api-base users`: create the first administrator, which HTTP does not allow."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Manage users.")


@app.callback()
def users() -> None:
    """Manage users."""


@app.command("create-admin")
def create_admin(
    email: Annotated[str, typer.Argument(help="E-mail address of the administrator.")],
    name: Annotated[str, typer.Option(help="Name of the administrator.")] = "Administrator",
    password: Annotated[
        str,
        typer.Option(
            prompt=True,
            hide_input=True,
            confirmation_prompt=True,
            envvar="API_BASE_ADMIN_PASSWORD",
            help="Password of the administrator. Prompted for by default.",
        ),
    ] = "",
) -> None:
    """Create an administrator of the platform."""
    from api_base.cli.running import run
    from api_base.serving.first_run import create_administrator

    user = run(lambda settings, contexts: create_administrator(settings, contexts, email=email, name=name, password=password))
    print(f"Created {user.email}, administrator of the platform, with the id {user.id}.")
