"""The file of refused rows: of the same format, with their number and the reason. Corrected, the file can be imported.

CSV is written so that the dialect of the first file is detected, or read with the same options. It has a byte order mark, and no cell that a
spreadsheet would calculate. The file is written after its rows are saved as refused; what an
interrupted import left is checked against what was saved.
"""

import csv
import fcntl
import hashlib
import io
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final, Literal

from api_base.application.common.importing.dialect import DELIMITERS, Dialect
from api_base.application.common.importing.imports import RefusedFileState
from api_base.application.common.importing.records import ADDED_COLUMNS, SourceRow
from api_base.core.errors import ConfigurationError
from api_base.core.shared.formula_cells import neutral_cell

_BYTE_ORDER_MARK: Final = "\ufeff"
_UNDECODABLE: Final = dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd")
"""Bytes that the encoding of the file does not have."""
_QUOTING: Final[Mapping[str, Literal[0, 1, 3]]] = {'"': csv.QUOTE_MINIMAL, "'": csv.QUOTE_ALL, "": csv.QUOTE_NONE}
"""Single quotes are detected if they are around all names; without quotes, no field contains a delimiter."""
_ROW, _REASON, _TEXT = ADDED_COLUMNS


class RefusedFile:
    """Implements `RefusedRows`. `columns` None writes JSON Lines. The file is locked until `close`.

    `state` is what the progress of the next chunk saves. Raises `ConfigurationError` for a file that cannot be used.
    """

    def __init__(self, path: Path, columns: Sequence[str] | None, dialect: Dialect) -> None:
        self._path, self._columns, self._dialect = path, columns, dialect
        self.state = RefusedFileState()
        self.earlier: Path | None = None
        self._digest = hashlib.sha256()
        self._file = self._locked()

    def begin(self) -> None:
        """Start a new file. A file of an earlier import, which may have been corrected since, is renamed: `films.refused.1.csv`.

        Raises `ConfigurationError` if the file is no file of refused rows.
        """
        self._file.seek(0)
        beginning = self._file.read(1 << 16)
        if not beginning:
            return
        if not (b"_row" in beginning and b"_reason" in beginning):
            raise self._unusable("exists and is not a file of refused rows. Name another file")
        earlier = self._free_name()
        try:
            self._path.rename(earlier)
        except OSError as error:
            raise self._unusable(f"has rows of an earlier import and cannot be renamed: {error.strerror}. Name another file") from None
        self.earlier = earlier
        self._file.close()
        self._file = self._locked()

    def resume(self, state: RefusedFileState, last: Iterable[tuple[SourceRow, str]]) -> None:
        """Continue the file of an interrupted import, and complete the rows of its `last` chunk. Raises `ConfigurationError`."""
        self._file.seek(0)
        remaining = state.size
        while remaining and (piece := self._file.read(min(remaining, 1 << 20))):
            self._digest.update(piece)
            remaining -= len(piece)
        self.state = state
        expected = self._encoded(last)
        tail = self._file.read(len(expected) + 1)
        if remaining or (state.size and self._digest.hexdigest() != state.digest) or not expected.startswith(tail):
            raise self._unusable("is not as the interrupted import left it. Put it back, or start again with --no-resume and another file")
        self._file.truncate(state.size)
        self._append(expected)

    def write(self, rows: Iterable[tuple[SourceRow, str]]) -> None:
        """Raises `ConfigurationError`."""
        self._append(self._encoded(rows))

    def close(self) -> None:
        """Unlock the file, and remove it if it is empty."""
        if not os.fstat(self._file.fileno()).st_size:
            self._path.unlink(missing_ok=True)
        self._file.close()

    def _append(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unusable(f"cannot be written: {error.strerror}. Run the command again: it continues where it stopped") from None
        self._digest.update(content)
        self.state = RefusedFileState(size=self.state.size + len(content), digest=self._digest.hexdigest())

    def _free_name(self) -> Path:
        numbered = (self._path.with_suffix(f".{number}{self._path.suffix}") for number in count(1))
        return next(path for path in numbered if not path.exists(follow_symlinks=False))

    def _locked(self) -> io.FileIO:
        """The file, created if it is absent, for this process alone."""
        while True:
            try:
                file = open(self._path, "a+b", buffering=0, opener=lambda path, flags: os.open(path, flags, 0o600))  # noqa: SIM115
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise self._unusable("is not a regular file. Name another file")
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(file.fileno()), self._path.stat()):
                    return file
            except BlockingIOError:
                raise self._unusable("is in use by another import. Wait until it has ended, or name another file") from None
            except OSError as error:
                if not isinstance(error, FileNotFoundError) or not self._path.parent.is_dir():
                    raise self._unusable(f"cannot be written: {error.strerror}. Name another file") from None

    def _unusable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(f"--refused: {self._path} {reason}.")

    def _encoded(self, rows: Iterable[tuple[SourceRow, str]]) -> bytes:
        lines = [self._json(*one) for one in rows] if self._columns is None else self._csv(self._columns, rows)
        return "".join(lines).translate(_UNDECODABLE).encode()

    def _json(self, row: SourceRow, reason: str) -> str:
        record = row.content if isinstance(row.content, Mapping) else {_TEXT: row.content}
        return json.dumps({**record, _ROW: row.original, _REASON: reason}, ensure_ascii=False) + "\n"

    def _csv(self, columns: Sequence[str], rows: Iterable[tuple[SourceRow, str]]) -> list[str]:
        """Fields beyond the columns follow the reason."""
        delimiter = self._dialect.delimiter or ","
        quote = '"' if self._dialect.quote is None else self._dialect.quote
        lines: list[list[object]] = [] if self.state.size else [[*columns, _ROW, _REASON]]
        for row, reason in rows:
            fields = [neutral_cell(field) for field in row.content if isinstance(field, str)]
            missing = [""] * (len(columns) - len(fields))
            shown = reason if quote else reason.replace(delimiter, "_" if delimiter == " " else " ")
            lines.append([*fields[: len(columns)], *missing, row.original, shown, *fields[len(columns) :]])
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, quotechar=quote or None, quoting=_QUOTING[quote], lineterminator="\r\n").writerows(lines)
        separator = "" if delimiter in DELIMITERS.values() else f"sep={delimiter}\r\n"
        return [text.getvalue() if self.state.size else _BYTE_ORDER_MARK + separator + text.getvalue()]
