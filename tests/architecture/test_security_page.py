"""docs/security.md: its tables are those of the running system, its tests exist, and it answers every requirement of OWASP ASVS 5.0 level 1."""

import ast
import re
from functools import cache
from typing import Final

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import Urls
from tools import privileges
from tools.privileges import PAGE, ROOT

LEVEL_1: Final = {
    "1.2": (1, 2, 3, 4, 5), "1.3": (1, 2), "1.5": (1,), "2.1": (1,), "2.2": (1, 2), "2.3": (1,), "3.2": (1, 2), "3.3": (1,), "3.4": (1, 2),
    "3.5": (1, 2, 3), "4.1": (1,), "4.4": (1,), "5.2": (1, 2), "5.3": (1, 2), "6.1": (1,), "6.2": (1, 2, 3, 4, 5, 6, 7, 8), "6.3": (1, 2),
    "6.4": (1, 2), "7.2": (1, 2, 3, 4), "7.4": (1, 2), "8.1": (1,), "8.2": (1, 2), "8.3": (1,), "9.1": (1, 2, 3), "9.2": (1,),
    "10.4": (1, 2, 3, 4, 5), "11.3": (1, 2), "11.4": (1,), "12.1": (1,), "12.2": (1, 2), "13.4": (1,), "14.2": (1,), "14.3": (1,),
    "15.1": (1,), "15.2": (1,), "15.3": (1,),
}  # fmt: skip
"""The requirements of level 1 by section, from the CSV of release 5.0.0 [github.com/OWASP/ASVS, 5.0/docs_en]."""
ROW: Final = re.compile(r"^\| (\d+\.\d+\.\d+) \| (met|partly|not applicable|not met) \| ([^|]+) \|$", re.MULTILINE)
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PAGE_TEXT: Final = (ROOT / PAGE).read_text(encoding="utf-8")


@cache
def names_in(file: str) -> frozenset[str]:
    """The names that a file defines at its top level."""
    found = set()
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(found)


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def test_the_tables_of_privileges_are_those_of_the_running_system(migrated: Urls) -> None:
    of_roles = await privileges.roles(migrated.owner)
    assert privileges.page(PAGE_TEXT, of_roles) == PAGE_TEXT, f"Run `make docs`, and review and commit what it changes in {PAGE}."


async def test_a_privilege_that_is_added_changes_the_tables(migrated: Urls, admin_of_migrated: str) -> None:
    before = await privileges.roles(migrated.owner)
    for statement, part in (
        ("grant select (email) on users to search", "| `users` | select"),
        ("grant truncate on items to worker", "| `items` |"),
        ("create function open_to_all() returns int language sql security definer as 'select 1'", "| `open_to_all()` | `postgres` |"),
        ("create policy everything on items to app using (true)", "| `items` | `app` | all | all |"),
    ):
        await execute(admin_of_migrated, statement)
        after = await privileges.roles(migrated.owner)
        assert part in "".join(set(after.splitlines()) - set(before.splitlines())), statement
        before = after


def test_every_named_test_exists() -> None:
    named = TEST.findall(PAGE_TEXT)
    assert len(named) > len(LEVEL_1)
    assert [f"{file}::{name}" for file, name in named if not (ROOT / file).exists() or name not in names_in(file)] == []


def test_every_test_is_named_in_full() -> None:
    """`::test_x` without its file would be checked by nothing."""
    assert PAGE_TEXT.count("::test_") == sum(name.startswith("test_") for _, name in TEST.findall(PAGE_TEXT))


def test_every_requirement_of_level_1_is_answered_once() -> None:
    expected = [f"{section}.{number}" for section, numbers in LEVEL_1.items() for number in numbers]
    assert len(expected) == 70
    assert [number for number, _, _ in ROW.findall(PAGE_TEXT)] == expected


@pytest.mark.parametrize(("verdict", "reason"), [pytest.param(*row, id=number) for number, *row in ROW.findall(PAGE_TEXT)])
def test_what_is_met_names_the_test_that_shows_it(verdict: str, reason: str) -> None:
    assert TEST.search(reason) or verdict.startswith("not ")
