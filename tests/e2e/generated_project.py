"""A project that `api-base new` wrote, used as its author would."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.e2e.documentation import blocks, paste
from tests.e2e.processes import environment


@dataclass(frozen=True, slots=True)
class Repository:
    """What `api-base new` wrote. Its environment is the present one, so that nothing is installed: `UV=true` does what `uv sync` would."""

    home: Path

    @classmethod
    def installed(cls, home: Path) -> Self:
        """The project in `home`, with the present environment."""
        (home / ".venv").symlink_to(sys.prefix)
        return cls(home)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "UV": "true",
            "PYTHONPATH": str(self.home / "src"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p asyncio",
        }

    def run(self, *command: str) -> str:
        inherited = {name: value for name, value in environment().items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(command, cwd=self.home, env={**inherited, **self.variables}, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def paste(self, page: str, section: str, *, port: int | None = None, **variables: str) -> str:
        """Run the commands of a section of a page."""
        commands = "".join(block.commands for block in blocks("sh", page, section))
        return paste(commands, self.home, port=port, **self.variables, **variables)

    def files(self) -> dict[str, str]:
        """The text of the code."""
        found = [path for top in ("src", "tests") for path in (self.home / top).rglob("*.py")]
        return {str(path.relative_to(self.home)): path.read_text() for path in found}
