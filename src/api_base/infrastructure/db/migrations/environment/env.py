"""What Alembic runs for each command. The connection and the roles come from `runner.py`, by the configuration's attributes."""

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
