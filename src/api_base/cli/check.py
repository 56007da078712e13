"""`api-base check`: find what is wrong with the contexts of the application, without serving it."""

import typer


def check() -> None:
    """Check what the contexts declare, their revisions, and the tables of the database. Exit code 1 if anything is wrong."""
    from api_base.bootstrap import migrations
    from api_base.cli.running import application
    from api_base.operations.wiring import declared_faults, stored_faults

    with application() as (settings, urls, contexts):
        faults = declared_faults(settings, contexts)
        pending = [] if faults else [id for branch in migrations.status(urls, contexts) for id in branch.pending]
        if not pending:
            faults += stored_faults(urls, contexts)
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)
    print(f"The wiring of {len(contexts)} contexts is sound.")
    if pending:
        print(
            f"The tables were not compared with PostgreSQL, because revisions are pending: {', '.join(pending)}; run: api-base migrate up"
        )
