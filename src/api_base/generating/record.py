"""What was generated, as it was generated: the common ancestor of the three-way merge of `api-base upgrade`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from api_base.core.errors import ConfigurationError

RECORD: Final = ".api-base.json"
"""The file of a project that holds the record. It belongs into the repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`api-base generate COMMAND ARGUMENTS…`. `owner`, `singular`, `key` and `explicit` are those of a resource."""

    command: str
    arguments: tuple[str, ...]
    owner: str = "tenant"
    singular: str | None = None
    key: str | None = None
    explicit: bool = False

    def __str__(self) -> str:
        """Return the command without the options."""
        return f"generate {self.command} {' '.join(self.arguments)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The project `name` for `python`, as API Base `version` generates it by `steps`: the texts of its `files`, by path, without revisions."""

    name: str
    package: str
    python: str
    version: str
    steps: Sequence[Step] = ()
    files: Mapping[str, str]

    @classmethod
    def of(cls, project: Path) -> Self | None:
        """Return the record in the folder `project`, or None. Raises `ConfigurationError` for a file that is none."""
        file = project / RECORD
        if not file.exists():
            return None
        try:
            stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            steps = tuple(Step(**{**step, "arguments": tuple(step["arguments"])}) for step in stored.pop("steps"))
            record = cls(**stored, steps=steps)
            if any(Path(path).is_absolute() or ".." in Path(path).parts for path in record.files):
                raise ValueError("a path leads out of the project")
            return record
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigurationError(f"{file} is not what api-base wrote. Restore it from the repository.") from error

    def text(self) -> str:
        """Return what the file contains."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write the texts of files, by path, into a folder that is not used yet."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
