"""Alembic runs this file for each command. `runner.py` passes the connection and the roles as attributes of the configuration."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    transaction_per_migration=True,
    version_table_schema="public",
    on_version_apply=lambda step, **_: context.config.attributes["applied"](step),
)
with context.begin_transaction():
    context.run_migrations()
