"""Hooks of mkdocs: the pages of the site that are not below docs/, and links that leave it."""

import posixpath
import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api_base.core.shared.public_names import places

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]
LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]+)?\)")
MOVED: Final = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
"""Pages from the root of the repository, by their path in the site."""


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the pages that are written nowhere below docs/."""
    from mkdocs.structure.files import File

    pages = {site: (ROOT / source).read_text(encoding="utf-8") for source, site in MOVED.items()}
    for folder, title in (("problems", "Problems"), ("decisions", "Decisions")):
        pages[f"{folder}/index.md"] = _listed(title, ROOT / "docs" / folder)
    pages["llms.txt"] = re.sub(r"\]\((?:docs/)?(\S+?)(?:README)?\.md\)", r"](\1/)", (ROOT / "llms.txt").read_text(encoding="utf-8"))
    for path, text in (pages | _reference()).items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: "Page", files: "Files", **_: object) -> str:
    """Links name files of the repository. Those to pages lead to them in the site; of those to code, the text stays."""
    here = page.file.src_uri
    root = {site: source for source, site in MOVED.items()}.get(here, f"docs/{here}")

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(root), target))
        found = MOVED.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if found is not None and files.get_file_from_path(found) is None:
            found = f"{found}/index.md" if files.get_file_from_path(f"{found}/index.md") else None
        if found is None:
            return text if (ROOT / path).exists() else match[0]
        return f"[{text}]({posixpath.relpath(found, posixpath.dirname(here) or '.')}{anchor})"

    return markdown if here.startswith("reference/") else LINK.sub(link, markdown)


def _listed(title: str, folder: Path) -> str:
    """A page with a link to each page of `folder`."""
    pages = ((path.name, path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")) for path in sorted(folder.glob("*.md")))
    return f"# {title}\n\n" + "".join(f"- [{heading}]({name})\n" for name, heading in pages)


def _reference() -> dict[str, str]:
    """A page for each module of public names, from their docstrings, and the page that lists them."""
    modules = {
        module: [name for name, _ in found]
        for module, found in groupby(sorted(places().items(), key=lambda p: p[1]), lambda place: place[1])
    }
    pages = {
        f"reference/{module}.md": f"# {module.partition('.')[2]}\n\n" + "".join(f"::: {module}.{name}\n\n" for name in names)
        for module, names in modules.items()
    }
    rows = "".join(f"| [`{module}`]({module}.md) | {', '.join(f'`{n}`' for n in names)} |\n" for module, names in modules.items())
    head = "# Reference\n\nEvery public name, by its module. `from api_base import …` imports them.\n\n| module | names |\n|---|---|\n"
    return pages | {"reference/index.md": head + rows}
