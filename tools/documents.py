"""The documents that are made from the code: `make docs` writes them, a test compares.

They stand in the repository so that a change of the API, a setting or a problem is seen in review, and happens on purpose.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from api_base.core.config import Settings
from api_base.interface.errors import pages
from tools.configuration_page import page as configuration_page

ROOT: Final = Path(__file__).parents[1]
PROBLEMS: Final = "docs/problems"


def documents() -> Mapping[str, str]:
    """Every generated document: its path from the repository's root, and what it says."""
    return {
        "docs/configuration.md": configuration_page(Settings),
        "docs/openapi.json": openapi(),
        **{f"{PROBLEMS}/{kind}.md": pages.page(kind) for kind in pages.KINDS},
    }


def openapi() -> str:
    """What `api-base openapi` prints when nothing is configured. Raises `CalledProcessError` with what it said."""
    unset = {name: value for name, value in os.environ.items() if name.partition("__")[0].lower() not in Settings.model_fields}
    with tempfile.TemporaryDirectory() as home:  # where the command makes its development keys, and finds no .env
        command = [sys.executable, "-m", "api_base.cli", "openapi"]
        return subprocess.run(command, cwd=home, env=unset, check=True, stdout=subprocess.PIPE, text=True).stdout


def stored() -> Mapping[str, str]:
    """The generated documents as they stand in the repository, those that no longer belong there included."""
    files = [ROOT / "docs/configuration.md", ROOT / "docs/openapi.json", *sorted((ROOT / PROBLEMS).glob("*.md"))]
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files if file.exists()}


def write() -> None:
    """Bring the repository up to date, and name what changed."""
    made, before = documents(), stored()
    for path in before.keys() - made.keys():
        (ROOT / path).unlink()
        print(f"removed {path}")
    for path, text in made.items():
        if before.get(path) != text:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    write()
