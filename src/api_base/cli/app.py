"""All commands. A new one is a module with `register(app)` and its name below."""

from typer import Typer

from api_base.cli import database_tools, doctor, migrate, openapi, serve, worker


def build() -> Typer:
    """The command line, complete."""
    app = Typer(
        name="api-base",
        help="The base of an HTTP backend.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for command in (serve, worker, migrate, database_tools, doctor, openapi):
        command.register(app)
    return app
