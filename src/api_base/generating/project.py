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
from api_base.generating.record import RECORD, Record, write_files
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
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        files = project_files(name, package, python, origin)
        record = Record(name=name, package=package, python=python, version=origin.version, files=files)
        write_files(made, {**files, RECORD: record.text()})
        origin.copy_into(made)
        _initialize(made, folder.parent)
        made.rename(folder)
    finally:
        shutil.rmtree(workplace)


def project_files(name: str, package: str, python: str, origin: Origin) -> dict[str, str]:
    """Return the texts of the files of a new project, by path."""
    values = {
        "name": name,
        "package": package,
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "requirement": origin.requirement,
        "sources": origin.sources(),
        "origin": origin.described,
        "version": origin.version,
        "python": python,
    }
    templates = _templates(TEMPLATES / "project", Path())
    return {str(path).replace("package", package): rendered(template, **values) for path, template in templates}


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
