"""What a generated project depends on: the API Base that generated it, as it was installed [PEP 610]."""

import json
import os
import shutil
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from api_base.core.errors import ConfigurationError

DISTRIBUTION: Final = "python-api-base"
WHEELS: Final = "wheels"
"""The folder of a project that holds the wheel which it depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """`source` is the entry of `[tool.uv.sources]`, None for a version in the index. `wheel` is a file that the project takes along."""

    version: str
    described: str
    source: str | None = None
    wheel: Path | None = None

    @property
    def requirement(self) -> str:
        """The requirement without extras and name."""
        return f"~={self.version}" if self.source is None else ""

    def sources(self) -> str:
        """Return the section of pyproject.toml; empty for a version in the index."""
        return "" if self.source is None else f"[tool.uv.sources]\n{DISTRIBUTION} = {self.source}\n\n"

    def copy_into(self, folder: Path) -> None:
        """Copy what the project takes along."""
        if self.wheel is not None:
            (folder / WHEELS).mkdir(exist_ok=True)
            shutil.copy2(self.wheel, folder / WHEELS)


def origin_for(project: Path) -> Origin:
    """Return what a project in the folder `project` depends on. Raises `ConfigurationError` for a wheel or a checkout that does not exist any longer."""
    installed = distribution(DISTRIBUTION)
    return origin_of(installed.version, json.loads(installed.read_text("direct_url.json") or "null"), project)


def origin_of(version: str, direct_url: dict[str, Any] | None, project: Path) -> Origin:
    """Return the origin that `direct_url.json` describes; None stands for an installation from the index."""
    if direct_url is None:
        return Origin(version=version, described=f"version {version} of the package index")
    url: str = direct_url["url"]
    if (vcs := direct_url.get("vcs_info")) is not None:
        commit = vcs["commit_id"]
        return Origin(version=version, described=f"the commit {commit} of {url}", source=_table(git=url, rev=commit))
    if not url.startswith("file:"):
        return Origin(version=version, described=f"the archive {url}", source=_table(url=url))
    path = Path(unquote(urlsplit(url).path))
    if not path.exists():
        raise ConfigurationError(
            f"API Base was installed from {path}, which does not exist any longer, so no project can depend on it. Install API Base again, "
            "from the package index, a wheel or a checkout."
        )
    if path.is_file():
        source = _table(path=f"{WHEELS}/{path.name}")
        return Origin(version=version, described=f"the wheel {path.name}, copied into {WHEELS}/", source=source, wheel=path)
    relative = os.path.relpath(path.resolve(), project.resolve())
    source = f"{{ path = {json.dumps(relative)}, editable = true }}"
    return Origin(version=version, described=f"the checkout {relative}; other machines need it at the same place", source=source)


def _table(**values: str) -> str:
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items()) + " }"
