"""The keys of an import, in a temporary file of SQLite: memory does not grow with their number."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from api_base.core.errors import Unavailable


class SqliteKeys:
    """Implements `SeenKeys`. A cancelled import closes it while a thread still uses it, hence the lock."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("create table seen (key text primary key, row integer not null) without rowid")
        self._database.execute("begin")

    def first_row_of(self, key: str, row: int) -> int:
        with self._lock, _translated():
            self._database.execute("insert or ignore into seen values (?, ?)", (key, row))
            found: int = self._database.execute("select row from seen where key = ?", (key,)).fetchone()[0]
        return found

    def close(self) -> None:
        with self._lock:
            self._database.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        message = f"The keys of the file cannot be kept in the temporary folder: {error}. Free space there and repeat the import."
        raise Unavailable(message) from None
