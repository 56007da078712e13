"""The command tree."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from api_base.cli import (
    audit,
    check,
    configuration,
    database_tools,
    doctor,
    events,
    flags,
    generate,
    graphql,
    import_,
    jobs,
    messages,
    migrate,
    new,
    openapi,
    routes,
    search,
    seed,
    serve,
    shell,
    upgrade,
    users,
    versions,
    worker,
)


@cache
def _of_contexts() -> Mapping[str, typer.Typer]:
    """Return the commands of contexts, by name. Raises `ConfigurationError`."""
    from api_base.core.config import read_settings

    if not read_settings()[0].contexts:
        return {}
    from api_base.bootstrap.commands import declared_commands
    from api_base.bootstrap.configuration import load

    return declared_commands(load()[1])


class Commands(TyperGroup):
    """The commands of the base, and those of contexts of your own, which are imported when no command of the base has the name, and for `--help`.

    Words the errors of options and arguments as those of settings and bodies: typer shows pydantic's own messages.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands. A configuration that is not valid hides those of contexts."""
        from api_base.core.errors import ConfigurationError

        try:
            return [*super().list_commands(ctx), *_of_contexts()]
        except ConfigurationError:
            return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of this name, or None."""
        found = super().get_command(ctx, cmd_name)
        if found is None and (app := _of_contexts().get(cmd_name)) is not None:
            found = get_group(app)
            found.name = cmd_name
        return found

    def invoke(self, ctx: Any) -> Any:
        """Run the command of `ctx`."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            from pydantic import ValidationError

            from api_base.core.errors.validation_messages import validation_message

            if isinstance(cause := error.__cause__, ValidationError):
                first = cause.errors()[0]
                error.message = f"{validation_message(first['type'], first.get('ctx', {}), first['msg']).rstrip('.')}."
            raise


app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Run and operate an API Base backend."
)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("new")(new.new)
app.add_typer(generate.app, name="generate")
app.command("upgrade")(upgrade.upgrade)
app.command("check")(check.check)
app.command("configuration")(configuration.configuration)
app.command("doctor")(doctor.doctor)
app.command("graphql")(graphql.graphql)
app.add_typer(openapi.app, name="openapi")
app.command("routes")(routes.routes)
app.command("messages")(messages.messages)
app.command("shell")(shell.shell)
app.command("seed")(seed.seed)
app.command("import")(import_.import_)
app.add_typer(migrate.app, name="migrate")
app.add_typer(events.app, name="events")
app.add_typer(versions.app, name="versions")
app.add_typer(jobs.app, name="jobs")
app.add_typer(audit.app, name="audit")
app.add_typer(users.app, name="users")
app.add_typer(flags.app, name="flags")
app.add_typer(search.app, name="search")
app.add_typer(database_tools.app, name="db")
