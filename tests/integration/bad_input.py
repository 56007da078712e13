"""A world that bad input must leave as it is, and the problem that it must be answered with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2

from tests.application import Person, Running

VALID: Mapping[str, Any] = {"sku": "BAD-1", "name": "Chair", "category": "furniture"}
JSON: Mapping[str, str] = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class World:
    """`item` is one of `person`'s, at version 1; `database` counts rows past every policy."""

    api: Running
    database: asyncpg.Connection
    person: Person
    item: str

    async def rows(self) -> tuple[int, ...]:
        return tuple(
            await self.database.fetchrow("select (select count(*) from items), (select count(*) from audit), (select count(*) from users)")
        )

    async def send(self, method: str, path: str, **request: Any) -> httpx2.Response:
        headers = {**self.person.headers, **request.pop("headers", {})}
        return await self.api.client.request(method, path.replace("{item}", self.item), headers=headers, **request)


async def refused(world: World, expected: int, pointers: set[str], method: str, path: str, **request: Any) -> None:
    before = await world.rows()
    answer = await world.send(method, path, **request)
    assert answer.status_code == expected, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["detail"]
    assert {one["pointer"] for one in problem.get("errors", ())} == pointers
    assert all(one["code"] and one["message"] for one in problem.get("errors", ()))
    assert await world.rows() == before
