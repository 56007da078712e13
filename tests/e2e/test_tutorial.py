"""The tutorial, as it is written: its commands in order, its files with their contents, beside the backend that it tells to start."""

import re
from pathlib import Path

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from tests.e2e.conftest import open_folder
from tests.e2e.documentation import ROOT, TELL_TOKEN, TUTORIAL, answers, blocks, checkout, paste
from tests.e2e.generated_project import Repository
from tests.e2e.processes import Backend, serving

pytestmark = pytest.mark.slow

FILES = re.compile(r"`((?:src|tests)/[\w/]+\.py)`(?: by)?:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def printed_token(home: Path, backend: Backend) -> str:
    """The token of the commands that the first run announces, but for the item that they create: the project has none."""
    announced = re.search(r"TOKEN=\$\(.*?\)\n", backend.ready().output, re.DOTALL)
    assert announced is not None, backend.output
    (token,) = answers(paste(f"{announced[0]}\n{TELL_TOKEN}", home))
    assert isinstance(token, str)
    return token


@pytest.mark.timeout(600)
def test_it_works_as_it_is_written() -> None:
    written = dict(FILES.findall((ROOT / TUTORIAL).read_text(encoding="utf-8")))
    assert list(written) == ["src/shop/notes/note.py", "tests/test_rules.py"]
    with open_folder() as folder:
        checkout(folder)
        started = "".join(block.commands for block in blocks("sh", TUTORIAL, "1. A project"))
        assert paste(started, folder).startswith("shop depends on the checkout ")
        shop = Repository.installed(folder / "shop")
        assert "/api/v1/notes/{slug}" in shop.paste(TUTORIAL, "2. A resource")
        for path, text in written.items():
            (shop.home / path).write_text(text, encoding="utf-8")
        assert "1 passed" in shop.paste(TUTORIAL, "3. A rule")
        assert "created src/shop/notes/on_notes_created.py\n" in shop.paste(TUTORIAL, "4. A job and a subscription")
        with serving(shop.home, **shop.variables) as backend:
            token = printed_token(shop.home, backend)
            made, page = answers(shop.paste(TUTORIAL, "5. Use it", port=backend.port, TOKEN=token))
            assert made["slug"] == "wool"
            assert [one["slug"] for one in page["items"]] == ["wool"]
            assert "tea,Drink tea,closed,no" in shop.paste(TUTORIAL, "6. An import")
            deployed = shop.paste(TUTORIAL, "7. Deploy it")
            assert deployed.startswith(f"The wiring of {len(BUILT_IN)} contexts is sound.\n")
            assert "DATABASE__URL" in deployed
