"""Text search shows the items that have the words, of this tenant, and no others; similar words only if no item has them."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from api_base.application.common.listing import ListRequest
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.queries import ListItems
from api_base.bootstrap.services import Services
from api_base.infrastructure.db.embedded import Urls
from tests.factories.items import details
from tests.integration.test_logins_and_the_pool import services
from tests.support import act_for

NAMES = ("The Godfather", "Disco Godfather", "Godfather of the Bride", "100% Wolf", "100 Wolves")


@pytest.fixture
async def films(migrated: Urls, tmp_path: Path) -> AsyncIterator[Services]:
    async with services(migrated, tmp_path) as made:
        for tenant in (uuid4(), uuid4()):
            act_for(tenant, permissions=frozenset({"items:read", "items:create"}))
            for name in NAMES:
                await made.bus.execute(CreateItem(details=details(name=name)))
        yield made


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("godfather", {"The Godfather", "Disco Godfather", "Godfather of the Bride"}),
        ("the GODFATHER", {"The Godfather", "Godfather of the Bride"}),
        ("godfather the", {"The Godfather", "Godfather of the Bride"}),
        ('"the godfather"', {"The Godfather"}),
        ("100%", {"100% Wolf", "100 Wolves"}),
        ("godf bri", {"Godfather of the Bride"}),
        ("wolf", {"100% Wolf"}),
        ("wlof", {"100% Wolf"}),
        ("teh godfather", {"The Godfather", "Godfather of the Bride"}),
        ("nothing of the kind", set()),
    ],
)
async def test_the_words_in_any_order(films: Services, q: str, found: set[str]) -> None:
    page = await films.bus.execute(ListItems(request=ListRequest(q=q, include_total=True)))
    assert sorted(item.name for item in page.items) == sorted(found)
    assert page.total == len(found)
