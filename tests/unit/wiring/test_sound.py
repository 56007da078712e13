"""What an author may write, and the check must let pass: each changes the sound context of `shop`, and no fault is found."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from tests.unit.wiring.mistakes import Mistake
from tests.unit.wiring.test_mistakes import Copy, found_in

REMOTE: Final = 'class GetStock(Query[int]):\n    permission = "shop:read"\n    remote = "stock.get"\n    id: UUID\n'
GENERIC: Final = (
    "class Noted:\n    def __init__(self, inner: object) -> None:\n        self.inner = inner\n\n"
    "    async def handle(self, message: Any) -> Any:\n        return None\n"
)
OTHER: Final = (
    '@dataclass(frozen=True, slots=True, kw_only=True)\nclass Close(Command[None]):\n    permission = "till:close"\n\n\n'
    "class CloseHandler:\n    async def handle(self, command: Close) -> None:\n        pass\n\n\n"
    'TILL = Context(name="till", permissions={"till:close": ADMINS}, handlers=lambda ports: [on(Close, CloseHandler())])\n'
)
SOUND: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "a message that another service handles": (
        (
            "@dataclass(frozen=True, slots=True, kw_only=True)\nclass Recount(",
            f"@dataclass(frozen=True, slots=True, kw_only=True)\n{REMOTE}\n\n"
            "@dataclass(frozen=True, slots=True, kw_only=True)\nclass Recount(",
        ),
    ),
    "a handler of every message": (
        ("class RecountHandler:\n", f"{GENERIC}\n\nclass RecountHandler:\n"),
        ("on(Recount, RecountHandler())", "on(Recount, Noted(RecountHandler()))"),
        ("from typing import Annotated\n", "from typing import Annotated, Any\n"),
    ),
    "a message that is registered under a condition": (
        (
            "        on(Recount, RecountHandler()),\n",
            "        *([on(Recount, RecountHandler())] if ports.settings.app_name == '' else []),\n",
        ),
        (
            '    jobs=(Job(name="shop.recount", message=Recount),),\n    schedules=(Schedule(name="shop.nightly", cron="0 3 * * *", message=Recount),),\n',
            "",
        ),
    ),
    "a context in the same module that is left out": (("SHOP = Context(", f"{OTHER}\n\nSHOP = Context("),),
    "a subscriber that is a partial": (
        ("handle=count)", "handle=partial(count_with, 1))"),
        ("async def count(event: Renamed) -> None:", "async def count_with(by: int, event: Renamed) -> None:"),
        ("from pathlib import Path\n", "from functools import partial\nfrom pathlib import Path\n"),
    ),
    "a subscriber that is a lambda": (("handle=count)", "handle=lambda event: count(event))"),),
    "a subclass of a message": (
        (
            "class RecountHandler:\n",
            '@dataclass(frozen=True, slots=True, kw_only=True)\nclass RecountAll(Recount):\n    permission = "shop:change"\n\n\n'
            "class RecountHandler:\n",
        ),
        ("on(Recount, RecountHandler()),", "on(Recount, RecountHandler()),\n        on(RecountAll, RecountHandler()),"),
    ),
    "a repository that reads more than its table": (
        ("    return SqlRepository(database, mapping, request_tenant)\n", "    return Joined(database, mapping, request_tenant)\n"),
        (
            "def repository(",
            "class Joined(SqlRepository[Good]):\n    def statement(self, *where: Any) -> Any:\n        return super().statement(*where)\n\n\n"
            "def repository(",
        ),
        ("from_row=restored(Good)", 'from_row=lambda row: Good(id=row["id"], tenant_id=row["tenant_id"], title=row["joined"])'),
        ("from typing import Annotated\n", "from typing import Annotated, Any\n"),
    ),
    "a row of an unknown length": (
        ("to_row=row_of(TABLE)", "to_row=lambda good: tuple([good.tenant_id, good.id, good.title, good.version])"),
    ),
    "a location that is a property": (
        (
            "    title: str\n    version: int\n",
            "    title: str\n    version: int\n\n    @property\n    def slug(self) -> str:\n        return self.title\n",
        ),
        ("RouteOptions(versioned=True)", 'RouteOptions(versioned=True, location="/goods/{slug}")'),
    ),
    "a payload with a field of its own": (('    title: str = ""\n', '    title: str = ""\n    seen: bool = False\n'),),
    "plain routes of one function": (
        (
            "    return router\n",
            '    plain = APIRouter()\n    for name in ("a", "b"):\n        plain.add_api_route(f"/{name}", count, name=name)\n    return plain\n',
        ),
    ),
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("DATABASE__DATA_DIR", str(tmp_path / "data"))
    yield Settings(_env_file=None)


@pytest.mark.parametrize("changes", SOUND.values(), ids=[name.replace(" ", "-") for name in SOUND])
def test_what_can_work_is_no_fault(settings: Settings, tmp_path: Path, changes: tuple[tuple[str, str], ...]) -> None:
    copy = Copy(tmp_path / "shop")
    for old, new in changes:
        copy.change(Mistake("", old, new, "", ""))
    assert found_in(settings, [*BUILT_IN, copy.imported()]) == []
