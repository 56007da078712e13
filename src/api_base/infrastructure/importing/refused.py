"""Writes refused rows to a file of the same format, with their number and the reason. Corrected, the file can be imported."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from api_base.application.common.importing.records import Record


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
