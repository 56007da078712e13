"""Changes of what a client sends to a resource and not of what it sees, and the other way round."""

from datetime import date
from pathlib import Path
from typing import Final

import pytest

from api_base.application.items.dtos import ItemDTO
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.interface.routes.versions import Version
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody
from api_base.interface.versioning import Change, Renamed
from api_base.operations.wiring import declared_faults

V3: Final = Version(3, released=date(2027, 1, 1))
CREATES: Final = "POST /api/{version}/items takes CreateItemBody"
CHANGES: Final = "PATCH /api/{version}/items/{id} takes PatchItemBody"


def renamed(*of: type, was: str = "label", now: str = "name") -> Change:
    return Renamed(V3, of, was=was, now=now)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([renamed(ItemDTO, CreateItemBody, PatchItemBody)], []),
        ([renamed(ItemDTO), renamed(CreateItemBody), renamed(PatchItemBody)], []),
        ([renamed(ItemDTO)], [(CREATES, "ItemDTO"), (CHANGES, "ItemDTO")]),
        ([renamed(ItemDTO, CreateItemBody)], [(CHANGES, "ItemDTO")]),
        ([renamed(CreateItemBody, PatchItemBody)], [(CREATES, "CreateItemBody"), (CHANGES, "PatchItemBody")]),
        ([renamed(ItemDTO, was="state", now="status")], []),  # no body has it
    ],
)
def test_what_is_sent_and_what_is_seen_change_together(
    changes: list[Change], found: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE__DATA_DIR", str(tmp_path / "data"))
    faults = declared_faults(Settings(_env_file=None), [*BUILT_IN, Context(name="labels", changes=changes)])
    assert [fault.sentence for fault in faults] == [
        f"{place} and returns ItemDTO, and version 3 changed name in {only} only. Name both classes in `of`." for place, only in found
    ]
