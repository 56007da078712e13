"""The command tree."""

from typing import Any

import typer
from typer.core import TyperGroup

from api_base.cli import (
    audit,
    check,
    database_tools,
    doctor,
    events,
    flags,
    graphql,
    import_,
    jobs,
    messages,
    migrate,
    openapi,
    routes,
    search,
    serve,
    shell,
    users,
    worker,
)


class Commands(TyperGroup):
    """Words the errors of options and arguments as those of settings and bodies: typer shows pydantic's own messages."""

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
app.command("check")(check.check)
app.command("doctor")(doctor.doctor)
app.command("graphql")(graphql.graphql)
app.command("openapi")(openapi.openapi)
app.command("routes")(routes.routes)
app.command("messages")(messages.messages)
app.command("shell")(shell.shell)
app.command("import")(import_.import_)
app.add_typer(migrate.app, name="migrate")
app.add_typer(events.app, name="events")
app.add_typer(jobs.app, name="jobs")
app.add_typer(audit.app, name="audit")
app.add_typer(users.app, name="users")
app.add_typer(flags.app, name="flags")
app.add_typer(search.app, name="search")
app.add_typer(database_tools.app, name="db")
