"""`llms.txt`: the documentation's table of contents for language models [https://llmstxt.org]."""

import re
from pathlib import Path
from typing import Final

import yaml

from tools.public_page import first_sentence

ROOT: Final = Path(__file__).parents[1]
LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]+\)")
type Nav = list["str | dict[str, str | Nav]"]


def page() -> str:
    """The page, as `make docs` writes it: the sections of mkdocs.yml, each page with its first sentence."""
    nav: Nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    alone, sections = list[str](), list[tuple[str, list[str]]]()
    for entry in nav:
        for title, value in entry.items() if isinstance(entry, dict) else [("", entry)]:
            if isinstance(value, str):
                alone += _line(value)
            else:
                sections.append((title, [line for path in value for line in _line(path)]))
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split("\n\n")[1]
    parts = [("First", ["- [README](README.md): Two commands to start, and what the base has.", *alone]), *sections]
    return (
        f"# API Base\n\n> {' '.join(readme.split())}\n\n"
        + "\n\n".join(f"## {title}\n\n" + "\n".join(lines) for title, lines in parts)
        + "\n"
    )


def _line(entry: "str | dict[str, str | Nav]") -> list[str]:
    """The line of a page below docs/. Pages that the site adds have none."""
    path = next(iter(entry.values())) if isinstance(entry, dict) else entry
    file = ROOT / "docs" / str(path)
    if not file.exists():
        return []
    title, _, rest = file.read_text(encoding="utf-8").partition("\n")
    said = first_sentence(LINK.sub(r"\1", rest.strip()))
    return [f"- [{title.removeprefix('# ')}](docs/{path}): {said.removesuffix(':').removesuffix('.')}."]
