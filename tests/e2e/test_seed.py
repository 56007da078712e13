"""`api-base seed`: each step of each context once, in the order of `requires`."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import one_sentence, rows, run, serving

PACKAGE = """\
from api_base import Context, Seeds
from api_base.application.common.listing import ListRequest
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.commands.item_transitions import ArchiveItem
from api_base.application.items.queries import ListItems
from api_base.domain.items.entities import ItemDetails


def item(sku: str) -> CreateItem:
    return CreateItem(details=ItemDetails(sku=sku, name=sku.title(), category="seeded"))


async def stock(seeds: Seeds) -> None:
    made = await seeds.once("table", item("TABLE-1"))
    await seeds.once("archive the table", ArchiveItem(id=made.id, expected_version=made.version))
    await seeds.once("lamp", item("{lamp}"))


async def fair(seeds: Seeds) -> None:
    page = await seeds.execute(ListItems(request=ListRequest()))
    assert [one.sku for one in page.items if one.status == "archived"] == ["TABLE-1"]
    await seeds.once("table", item("STAND-1"))


FAIR = Context(name="fair", requires=("stock",), seed=fair)
STOCK = Context(name="stock", requires=("items",), seed=stock)
"""
SKUS = "select sku, status, version from items where category = 'seeded' order by sku"


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    write(tmp_path, "LAMP-1")
    return {"CONTEXTS": "seeded:FAIR,seeded:STOCK", "PYTHONPATH": str(tmp_path)}


def write(folder: Path, lamp: str) -> None:
    (folder / "seeded.py").write_text(PACKAGE.replace("{lamp}", lamp))


@pytest.mark.slow
def test_seeds_run_once_in_order_and_are_completed_after_an_error(project: Project, variables: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, "TABLE-1")
    stopped = run(project.home, "seed", **variables)
    assert stopped.returncode == 2, stopped
    assert stopped.stdout == ""
    assert stopped.stderr.startswith("api-base: The seed of 'stock' ended at the step 'lamp': ")
    assert stopped.stderr.endswith("The steps before it are stored. Correct the cause, then run `api-base seed` again.\n")
    write(tmp_path, "LAMP-1")
    completed = run(project.home, "seed", **variables)
    assert (completed.returncode, completed.stdout) == (0, "stock: 1 sent, 2 sent before\nfair: 1 sent, 0 sent before\n"), completed
    write(tmp_path, "LAMP-2")  # a step that was sent is not sent with other data
    again = run(project.home, "seed", "fair", **variables)
    assert again.stdout == "stock: 0 sent, 3 sent before\nfair: 0 sent, 1 sent before\n", again
    assert run(project.home, "seed", "stock", **variables).stdout == "stock: 0 sent, 3 sent before\n"
    with serving(project.home, "--no-worker") as backend:
        backend.ready()
        assert rows(project.home, SKUS) == [["LAMP-1", "draft", "1"], ["STAND-1", "draft", "1"], ["TABLE-1", "archived", "2"]]
        kept = "select count(*) from idempotency_keys where route like 'seed %' and expires_at > now() + interval '1000 years'"
        assert rows(project.home, kept) == [["4"]]


@pytest.mark.slow
def test_what_cannot_be_seeded_is_refused_by_one_sentence(project: Project, variables: dict[str, str]) -> None:
    assert "This application has no context 'shop'." in one_sentence(run(project.home, "seed", "shop", **variables))
    assert one_sentence(run(project.home, "seed", "items", **variables)) == (
        "api-base: The context 'items' has no seed. Contexts with a seed: fair, stock.\n"
    )
    assert "no active user has the address" in one_sentence(run(project.home, "seed", "--as", "nobody@example.com", **variables))
    assert run(project.home, "seed").stdout == "Nothing to do: no context has a seed.\n"
