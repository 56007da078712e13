"""Refused rows in a file of the same form, each with its number and the reason: corrected, it can be imported again."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO


class RefusedFile:
    """`columns` None writes JSON Lines. The file appears with the first refused row; `offset` is where a continued import goes on."""

    def __init__(self, path: Path, columns: Sequence[str] | None, offset: int) -> None:
        self._path, self._columns, self._offset = path, columns, offset
        self._file: TextIO | None = None
        if offset == 0:
            path.unlink(missing_ok=True)

    def write(self, row: int, record: Mapping[str, Any], reason: str) -> None:
        file = self._opened()
        noted = {**record, "_row": row, "_reason": reason}
        if self._columns is None:
            file.write(json.dumps(noted, ensure_ascii=False) + "\n")
        else:
            csv.DictWriter(file, [*self._columns, "_row", "_reason"], extrasaction="ignore").writerow(noted)

    def flush(self) -> int:
        """Put it on disk; the size of the file in bytes."""
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
