"""A pytest plugin: the tests' PostgreSQL server and template database are those of a process that keeps them, so that no run makes its own.

With `MUTANTS_KEEP` the process is this keeper, which describes the server in the file so named; with `MUTANTS_DATABASE` it is a run of tests,
which reads the file. With neither, the plugin does nothing.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest

TEMPLATE: Final = "kept_template"
_ROLES: Final = ("owner", "app", "worker", "search", "postgres")
_executed: set[str] = set()


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: Any) -> object | None:
    """Give `postgres` and `template` of the kept server, after removing what a killed run left there."""
    if fixturedef.argname not in ("postgres", "template") or fixturedef.scope != "session":
        return None
    if "MUTANTS_KEEP" in os.environ:
        sys.setprofile(_note)
    if "MUTANTS_DATABASE" not in os.environ:
        return None
    value: object = TEMPLATE
    if fixturedef.argname == "postgres":
        kept = json.loads(Path(os.environ["MUTANTS_DATABASE"]).read_text(encoding="utf-8"))
        asyncio.run(_clean(kept["admin"]))
        names = fixturedef.func.__globals__
        value = names["Postgres"](names["Urls"](**kept["urls"]), unquote(urlsplit(kept["admin"]).password or ""))
    fixturedef.cached_result = (value, fixturedef.cache_key(request), None)
    return value


def _note(frame: FrameType, _event: str, _argument: object) -> None:
    if frame.f_code.co_name != "<module>":
        _executed.add(frame.f_code.co_filename)


async def _clean(admin: str) -> None:
    connection = await asyncpg.connect(admin)
    for (name,) in await connection.fetch("select datname from pg_database where datname like 'test\\_%'"):
        await connection.execute(f'drop database "{name}" with (force)')
    for (name,) in await connection.fetch("select rolname from pg_roles where rolname <> all($1) and rolname not like 'pg\\_%'", _ROLES):
        await connection.execute(f'drop role "{name}"')
    await connection.close()


def describe(urls: Any, admin: str, template: str, file: Path) -> None:
    """Write what `pytest_fixture_setup` reads, and which files of the project made the server and the template."""
    sys.setprofile(None)
    asyncio.run(_rename(admin, template))
    made_by = sorted(name for name in _executed if "/src/api_base/" in name)
    part = file.with_suffix(".part")
    part.write_text(json.dumps({"urls": asdict(urls), "admin": admin, "made_by": made_by}), encoding="utf-8")
    part.rename(file)


async def _rename(admin: str, template: str) -> None:
    connection = await asyncpg.connect(admin)
    await connection.execute(f"alter database {template} rename to {TEMPLATE}")
    await connection.close()
