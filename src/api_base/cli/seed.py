"""`api-base seed`: fill a database with what the contexts bring for its beginning."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_base.bootstrap.context import Context
    from api_base.core.config import Settings


def seed(
    context: Annotated[str | None, typer.Argument(help="Only this context, and those that it requires. Default: all.")] = None,
    email: Annotated[str, typer.Option("--as", help="E-mail address of the user who acts.", envvar="API_BASE_AS")] = "admin@example.com",
    tenant: Annotated[str, typer.Option(help="Slug or id of the tenant.")] = "demo",
    yes: Annotated[bool, typer.Option("--yes", help="Seed although ENVIRONMENT is production.")] = False,
) -> None:
    """Run the seeds of the contexts as a user in a tenant, with the permissions of that user. What was seeded before stays as it is.

    The defaults are the user and the tenant that the first `api-base serve` creates.
    """
    import asyncio

    from api_base.bootstrap import migrations
    from api_base.cli.running import application
    from api_base.core.errors import ConfigurationError
    from api_base.operations.seeding import refuse_production, seeding
    from api_base.serving.resolving import on

    with application() as (settings, urls, contexts):
        refuse_production(settings, yes=yes)
        chosen = seeding(contexts, context)
        if pending := [id for branch in migrations.status(urls, contexts) for id in branch.pending]:
            raise ConfigurationError(f"Revisions are pending: {', '.join(pending)}. Run `api-base migrate up` first.")
        if not chosen:
            print("Nothing to do: no context has a seed.")
        asyncio.run(_run(on(settings, urls), contexts, chosen, email, tenant))


async def _run(settings: "Settings", contexts: "Sequence[Context]", chosen: "Sequence[Context]", email: str, tenant: str) -> None:
    from api_base.operations.seeding import run_seeds

    async for name, seeds in run_seeds(settings, contexts, chosen, email, tenant):
        print(f"{name}: {seeds.sent} sent, {seeds.stored} sent before")
