"""The journal of an import from the command line, in a local SQLite file: keys, progress and counts. Memory does not grow with the file."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from api_base.application.common.importing.report import Report

_PROGRESS: Final = ("row", "refused_size", "created", "updated", "unchanged", "refused")


class SqliteJournal:
    """Implements `Journal`. `path` None means a temporary file of SQLite. `resume` False discards an earlier journal."""

    def __init__(self, path: Path | None, *, resume: bool = True) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not resume:
                path.unlink(missing_ok=True)
        self._path = path
        self._database = sqlite3.connect("" if path is None else path)
        self._database.execute("pragma synchronous = normal")
        self._database.execute("create table if not exists seen (key text primary key, row integer not null) without rowid")
        counted = ", ".join(f"{name} integer not null" for name in _PROGRESS)
        self._database.execute(f"create table if not exists progress ({counted})")
        self._database.commit()
        found = self._database.execute(f"select {', '.join(_PROGRESS)} from progress").fetchone() or (0,) * len(_PROGRESS)
        self.done: int = found[0]
        self.refused_size: int = found[1]
        self.report = Report(created=found[2], updated=found[3], unchanged=found[4], refused=found[5])
        self.flush_refused: Callable[[], int] = lambda: 0

    def first_row_of(self, key: str, row: int) -> int:
        self._database.execute("insert or ignore into seen values (?, ?)", (key, row))
        found: int = self._database.execute("select row from seen where key = ?", (key,)).fetchone()[0]
        return found

    def commit(self, row: int) -> None:
        self.done = row
        report = self.report
        values = (row, self.flush_refused(), report.created, report.updated, report.unchanged, report.refused)
        self._database.execute("delete from progress")
        self._database.execute(f"insert into progress values ({', '.join('?' * len(values))})", values)
        self._database.commit()

    def finish(self) -> None:
        """Delete the journal: the import is complete. Call `close` afterwards."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file. Without `finish` it stays, so that a later import continues."""
        self._database.rollback()
        self._database.close()
