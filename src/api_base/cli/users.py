"""`api-base users`: create the first administrator, which HTTP does not allow."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_base.application.users.dtos import UserDTO
    from api_base.bootstrap.context import Context
    from api_base.core.config import Settings

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
    from api_base.bootstrap.services import build, opened
    from api_base.cli.running import run
    from api_base.serving.first_run import add_administrator

    async def create(settings: "Settings", contexts: "Sequence[Context]") -> "UserDTO":
        async with opened(build(settings, contexts)) as services:
            return await add_administrator(services, email=email, name=name, password=password)

    user = run(create)
    print(f"Created {user.email}, administrator of the platform, with the id {user.id}.")
