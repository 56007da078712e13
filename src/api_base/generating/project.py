"""`api-base new`: writes the repository of a project, whole or not at all."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources.abc import Traversable
from pathlib import Path

from api_base.core.errors import ConfigurationError
from api_base.generating.names import package_name
from api_base.generating.origin import Origin
from api_base.generating.rendering import SUFFIX, TEMPLATES, rendered


def create_project(name: str, folder: Path, origin: Origin) -> None:
    """Write the project `name` into `folder`, which is empty or does not exist. It depends on `origin`.

    The files are written beside `folder` and moved there when all of them are complete. Raises `ConfigurationError`.
    """
    package, folder = package_name(name), folder.absolute()
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise ConfigurationError(f"{folder} exists and is no empty folder. Nothing was written. Choose another name, or pass --path.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        made = workplace / name
        made.mkdir()
        for path, template in _templates(TEMPLATES / "project", Path()):
            file = made / str(path).replace("package", package)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(rendered(template, **_values(name, package, origin)), encoding="utf-8")
        origin.copy_into(made)
        _initialize(made, folder.parent)
        made.rename(folder)
    finally:
        shutil.rmtree(workplace)


def _values(name: str, package: str, origin: Origin) -> dict[str, str]:
    return {
        "name": name,
        "package": package,
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "requirement": origin.requirement,
        "sources": origin.sources(),
        "origin": origin.described,
        "version": origin.version,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def _templates(folder: Traversable, at: Path) -> Iterator[tuple[Path, Traversable]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _templates(one, at / one.name)
        else:
            yield at / one.name.removesuffix(SUFFIX), one


def _initialize(folder: Path, parent: Path) -> None:
    """Make it a repository of git, if there is git and it is not within one already."""
    with suppress(FileNotFoundError):
        within = subprocess.run(["git", "-C", parent, "rev-parse", "--is-inside-work-tree"], capture_output=True, check=False)
        if within.returncode != 0:
            subprocess.run(["git", "init", "--quiet", folder], capture_output=True, check=False)
