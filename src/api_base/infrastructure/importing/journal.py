"""The journal of an import, in a SQLite file: which skus stood where, and how far it is. Memory does not grow with it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path


class SqliteJournal:
    """Implements `Journal`. `path` None keeps it in a temporary file of SQLite's. `resume` false forgets an earlier one."""

    def __init__(self, path: Path | None, *, resume: bool = True) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not resume:
                path.unlink(missing_ok=True)
        self._path = path
        self._database = sqlite3.connect("" if path is None else path)
        self._database.execute("pragma synchronous = normal")
        self._database.execute("create table if not exists seen (sku text primary key, row integer not null) without rowid")
        self._database.execute("create table if not exists progress (row integer not null, refused_size integer not null)")
        self._database.commit()
        found = self._database.execute("select row, refused_size from progress").fetchone()
        self.done: int = found[0] if found else 0
        self.refused_size: int = found[1] if found else 0
        self.flush_refused: Callable[[], int] = lambda: 0

    def first_row_of(self, sku: str, row: int) -> int:
        self._database.execute("insert or ignore into seen values (?, ?)", (sku, row))
        found: int = self._database.execute("select row from seen where sku = ?", (sku,)).fetchone()[0]
        return found

    def commit(self, row: int) -> None:
        self.done = row
        self._database.execute("delete from progress")
        self._database.execute("insert into progress values (?, ?)", (row, self.flush_refused()))
        self._database.commit()

    def finish(self) -> None:
        """The import is through: the next one begins at the beginning. `close` is still due."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of it; without `finish` it stays, for an import that goes on later."""
        self._database.rollback()
        self._database.close()
