"""The files of an import from the command line: its journal, and the rows that it refused."""

import csv
import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

from api_base.application.common.importing.records import Record
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


class RefusedFile:
    """`columns` None writes JSON Lines. The first refused row creates the file. A resumed import truncates it to `offset` bytes and continues."""

    def __init__(self, path: Path, columns: Sequence[str] | None, offset: int) -> None:
        self._path, self._columns, self._offset = path, columns, offset
        self._file: TextIO | None = None
        if offset == 0:
            path.unlink(missing_ok=True)

    def write(self, row: int, record: Record, reason: str) -> None:
        file = self._opened()
        noted = {**record, "_row": row, "_reason": reason}
        if self._columns is None:
            file.write(json.dumps(noted, ensure_ascii=False) + "\n")
        else:
            csv.DictWriter(file, [*self._columns, "_row", "_reason"], extrasaction="ignore").writerow(noted)

    def flush(self) -> int:
        """Write buffered rows and return the size of the file in bytes."""
        if self._file is None:
            return self._offset
        self._file.flush()
        return self._path.stat().st_size

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _opened(self) -> TextIO:
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8", newline="")
            self._file.truncate(self._offset)
            if self._offset == 0 and self._columns is not None:
                csv.writer(self._file).writerow([*self._columns, "_row", "_reason"])
        return self._file
