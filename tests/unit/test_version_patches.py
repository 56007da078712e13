"""Merge patches of an older version that send back what the client was shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

import pytest
from pydantic import TypeAdapter

from api_base.core.errors import Forbidden, NotFound, Unavailable
from api_base.interface.routes import ExpectedVersion, OptionalVersion
from api_base.interface.routes.renaming import WIRES, client_type
from api_base.interface.routes.versions import Version
from api_base.interface.v1.bodies.base import Body
from api_base.interface.versioning import EnumChanged
from api_base.interface.versioning.kept import Current
from api_base.interface.versioning.shapes import Shapes

V3: Final = Version(3, released=date(2027, 1, 1))


class Level(StrEnum):
    LOW = "low"
    HIGH = "high"
    URGENT = "urgent"


class OlderLevel(StrEnum):
    LOW = "low"
    HIGH = "high"


class LevelBody(Body):
    level: Level
    note: str = ""


class PatchBody(Body):
    first_level: Level = Level.LOW
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelDTO:
    level: Level
    first_level: Level
    version: int


LEVELS: Final = Shapes(
    [
        EnumChanged(V3, (LevelBody, LevelDTO), name="level", type=OlderLevel, values={"urgent": "high"}),
        EnumChanged(V3, (PatchBody, LevelDTO), name="first_level", type=OlderLevel, values={"urgent": "high"}),
    ]
)
STORED: Final = LevelDTO(level=Level.URGENT, first_level=Level.URGENT, version=7)


def read(body: Any, values: Mapping[str, Any]) -> Any:
    return TypeAdapter(body).validate_json(json.dumps(values))


def current(error: Exception | None = None, version: Any = ExpectedVersion) -> Current:
    async def read(id: int) -> LevelDTO:
        if error is not None:
            raise error
        return STORED

    async def patch(id: int, expected: Any, body: Any) -> LevelDTO:
        del id, expected, body
        return STORED

    patch.__annotations__["expected"] = version
    found = Current.of(read, patch)
    assert found is not None
    return found


async def patched(
    body: type[Body],
    values: Mapping[str, Any],
    expected: int | None = None,
    error: Exception | None = None,
    version: Any = ExpectedVersion,
) -> Any:
    older = read(LEVELS.of(body), values)
    return await current(error, version).asked(older, {"id": 1, "expected": expected}, LEVELS)


async def test_a_required_field_that_is_sent_back_has_what_is_stored() -> None:
    assert (await patched(LevelBody, {"level": "high", "note": "a"})).model_dump() == {"level": "urgent", "note": "a"}
    assert (await patched(LevelBody, {"level": "low"})).model_dump() == {"level": "low", "note": ""}


@pytest.mark.parametrize("version", [ExpectedVersion, OptionalVersion])
@pytest.mark.parametrize(("expected", "sent"), [(None, {"note"}), (7, {"note"}), (6, {"first_level", "note"})])
async def test_a_field_that_is_sent_back_is_left_out_of_a_patch_of_what_was_shown(
    expected: int | None, sent: set[str], version: Any
) -> None:
    found = await patched(PatchBody, {"first_level": "high", "note": "a"}, expected, version=version)
    assert found.model_fields_set == sent


async def test_who_may_not_read_was_shown_nothing() -> None:
    for error in (Forbidden("no"), NotFound("level", 1)):
        assert (await patched(PatchBody, {"first_level": "high"}, error=error)).model_fields_set == {"first_level"}
    with pytest.raises(Unavailable):
        await patched(PatchBody, {"first_level": "high"}, error=Unavailable("later"))


async def test_names_of_clients_are_compared_by_those_of_the_class() -> None:
    older = read(client_type(LEVELS.of(PatchBody), WIRES["camel"]), {"firstLevel": "high"})
    found = await current().asked(older, {"id": 1, "expected": None}, LEVELS)
    assert found.model_fields_set == set()


async def test_a_list_of_bodies_is_no_patch_of_one_resource() -> None:
    found = await current().asked([read(LEVELS.of(PatchBody), {"first_level": "high"})], {"id": 1, "expected": None}, LEVELS)
    assert [one.first_level for one in found] == ["high"]
