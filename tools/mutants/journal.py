"""What was tried, one JSON line for each step, so that an interrupted run goes on where it stopped."""

import json
from pathlib import Path
from threading import Lock

from tools.mutants.mutation import Mutation


class Journal:
    """`source` and `tests` identify the states of both: what was noticed holds for the source, what survived only for both.

    Of an earlier source the test that noticed a mutation is remembered: it is tried first.
    """

    def __init__(self, file: Path, source: str, tests: str) -> None:
        self._file, self._source, self._tests, self._lock = file, source, tests, Lock()
        self._quick: dict[str, str | None] = {}
        self._whole: dict[str, str | None] = {}
        self._before: dict[str, str] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
            self._take(json.loads(line))

    def _take(self, entry: dict[str, str | None]) -> None:
        id, noticed = str(entry["id"]), entry["noticed"]
        if noticed is not None:
            self._before[id] = noticed
        if entry["source"] == self._source and (noticed is not None or entry["tests"] == self._tests):
            (self._whole if entry["by"] == "suite" else self._quick)[id] = noticed

    def tried(self, mutation: Mutation) -> bool:
        return mutation.id in self._quick

    def survived_quick(self, mutation: Mutation) -> bool:
        """Whether the mutation has yet to meet the whole suite."""
        return self._quick.get(mutation.id, "") is None and mutation.id not in self._whole

    def noticed_before(self, mutation: Mutation) -> str | None:
        return self._before.get(mutation.id)

    def noticed(self, mutation: Mutation) -> str | None:
        """What noticed the mutation; None for a survivor."""
        return self._quick.get(mutation.id) or self._whole.get(mutation.id)

    def quick(self, mutation: Mutation, noticed: str | None) -> None:
        """Record what the chosen tests said."""
        self._write(mutation, "chosen", noticed)

    def whole(self, mutation: Mutation, noticed: str | None) -> None:
        """Record what the whole suite said."""
        self._write(mutation, "suite", noticed)

    def _write(self, mutation: Mutation, by: str, noticed: str | None) -> None:
        entry = {"id": mutation.id, "source": self._source, "tests": self._tests, "by": by, "noticed": noticed}
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            self._take(entry)
        print(f"{'noticed ' if noticed else 'SURVIVED'} {by:6} {mutation.path}:{mutation.first_line} {mutation.scope} "
              f"{mutation.operator}: {mutation.before[:60]!r} -> {mutation.after[:60]!r} [{noticed or ''}]", flush=True)  # fmt: skip
