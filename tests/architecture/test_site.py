"""The documentation as a site, and its table of contents for language models."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from api_base.core.shared.public_names import places
from tools.documents import ROOT
from tools.llms_page import page

HOSTS = re.compile(r"""<(?:script|link|img)[^>]+(?:src|href)=["']?(https?:)?//""")


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_has_every_public_name(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, text=True, capture_output=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if line.startswith(("WARNING", "ERROR"))]) == (0, []), done.stderr
    for name, module in places().items():
        assert f'id="{module}.{name}"' in (tmp_path / "reference" / module / "index.html").read_text(encoding="utf-8"), name
    for html in tmp_path.rglob("*.html"):
        assert not HOSTS.search(html.read_text(encoding="utf-8")), f"{html.relative_to(tmp_path)} loads something from another host"


def test_language_models_find_every_page_with_what_it_says() -> None:
    lines = {match[1]: match[2] for match in re.finditer(r"^- \[.*\]\((.*)\): (.*)$", page(), re.MULTILINE)}
    assert {path for path in lines if path != "README.md"} == {f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")}
    assert not [path for path, said in lines.items() if said.startswith(("#", "|", "`sh", "```"))]
