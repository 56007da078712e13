"""The command tree."""

import typer

from api_base.cli import audit, database_tools, doctor, events, flags, import_, jobs, migrate, openapi, serve, users, worker

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Run and operate an API Base backend.")
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("doctor")(doctor.doctor)
app.command("openapi")(openapi.openapi)
app.command("import")(import_.import_)
app.add_typer(migrate.app, name="migrate")
app.add_typer(events.app, name="events")
app.add_typer(jobs.app, name="jobs")
app.add_typer(audit.app, name="audit")
app.add_typer(users.app, name="users")
app.add_typer(flags.app, name="flags")
app.add_typer(database_tools.app, name="db")
