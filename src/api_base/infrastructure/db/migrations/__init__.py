"""Migrations: Alembic, one branch for each context, driven by code rather than by an `alembic.ini`."""
