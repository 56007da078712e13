"""The tutorial, as it is written: its commands in order, its files with their contents, beside the backend that it tells to start."""

import re
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import open_folder
from tests.e2e.documentation import ROOT, TELL_TOKEN, TUTORIAL, answers, blocks, checkout, paste
from tests.e2e.processes import Backend, serving

pytestmark = pytest.mark.slow

FILES = re.compile(r"`((?:src|tests)/[\w/]+\.py)`(?: by)?:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(section: str) -> str:
    return "".join(block.commands for block in blocks("sh", TUTORIAL, section))


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
        assert paste(commands("1. A project"), folder).startswith("shop depends on the checkout ")
        home = folder / "shop"
        (home / ".venv").symlink_to(sys.prefix)
        variables = {"PYTHONPATH": str(home / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p asyncio"}
        listed = paste(commands("2. A resource"), home, **variables)
        assert "/api/v1/notes/{slug}" in listed
        for path, text in written.items():
            (home / path).write_text(text, encoding="utf-8")
        assert "1 passed" in paste(commands("3. A rule"), home, **variables)
        assert "created src/shop/notes/on_notes_created.py\n" in paste(commands("4. A job and a subscription"), home, **variables)
        with serving(home, **variables) as backend:
            token = printed_token(home, backend)
            made, page = answers(paste(commands("5. Use it"), home, port=backend.port, TOKEN=token, **variables))
            assert made["slug"] == "wool"
            assert [one["slug"] for one in page["items"]] == ["wool"]
            assert "tea,Drink tea,closed,no" in paste(commands("6. An import"), home, **variables)
            deployed = paste(commands("7. Deploy it"), home, **variables)
            assert deployed.startswith("The wiring of 10 contexts is sound.\n")
            assert "DATABASE__URL" in deployed
