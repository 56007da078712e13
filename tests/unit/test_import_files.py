"""Strange files, each with its right result: what it is read as, its rows, and the rows that are refused with their numbers and reasons.

The refused rows of each file are read again as well.
"""

import csv
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.importer import Chunk, Importer, Outcomes
from api_base.application.common.importing.journal import ImportJournal
from api_base.application.common.importing.prepared import PreparedFile
from api_base.application.common.importing.records import FileFormat, SourceRow
from api_base.application.common.importing.report import Outcome
from api_base.application.items.commands.import_items import ITEM_SCHEMA, ItemRow
from api_base.core.errors import RuleViolated
from api_base.core.types import Ok
from api_base.infrastructure.importing.keys import SqliteKeys
from api_base.infrastructure.importing.readers import open_source
from api_base.infrastructure.importing.refused import RefusedFile

PLAIN: Final = re.compile(r"[+-]?[0-9.]+|[^=+\-@\t\r].*|", re.DOTALL)
"""A cell that a spreadsheet does not calculate."""
FOLDER: Final = Path(__file__).with_name("import_files")


@dataclass(frozen=True, kw_only=True)
class Result:
    """`rows` are written as `sku name category price`; `error` is the reason why the whole file is refused."""

    read_as: str = ""
    rows: list[str] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Case(Result):
    """What to import a file with, and its result."""

    maps: Sequence[str] = ()
    header: bool = True
    options: dict[str, str] = field(default_factory=dict)

    @property
    def result(self) -> Result:
        return Result(read_as=self.read_as, rows=self.rows, refused=self.refused, error=self.error)


def written(row: ItemRow) -> str:
    details = row.details
    price = f" {details.price.amount} {details.price.currency}" if details.price else ""
    return f"{details.sku} {details.name} {details.category}{price}"


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def content(path: Path) -> io.BytesIO:
    return io.BytesIO(path.read_bytes())


async def imported(path: Path, case: Case, folder: Path) -> Result:
    format, refused = FileFormat(path.suffix[1:]), dict[int, str]()
    dialect = Dialect.parse(case.options, header=case.header)
    try:
        file = PreparedFile.prepare(ITEM_SCHEMA, case.maps, (), open_source, content(path), format, dialect)
    except RuleViolated as error:
        return Result(error=str(error))
    rows: list[ItemRow] = []

    async def send(chunk: Chunk[ItemRow]) -> Outcomes:
        rows.extend(row for _, row in chunk.rows)
        refused.update({one.row: one.reason for one in chunk.refused})
        return [Ok(Outcome.CREATED)] * len(chunk.rows)

    keys, message = SqliteKeys(), None
    aside = RefusedFile(folder / f"{path.stem}.refused{'.csv' if format is FileFormat.CSV else '.jsonl'}", file.columns, file.dialect)
    aside.begin()
    try:
        await Importer(send, file.mapping, ImportJournal(keys), aside).run(file.open().rows())
    except RuleViolated as error:
        message = str(error)
    finally:
        keys.close()
        aside.close()
    return Result(read_as=file.dialect.described(), rows=[written(row) for row in rows], refused=refused, error=message)


CASES: Final[Mapping[str, Case]] = {
    name: Case(**{**case, "refused": {int(row): reason for row, reason in case.get("refused", {}).items()}})
    for name, case in tomllib.loads(FOLDER.with_suffix(".toml").read_text()).items()
}


def test_every_file_has_its_result() -> None:
    assert {path.name for path in files(FOLDER)} == CASES.keys()


@pytest.mark.parametrize("name", CASES)
async def test_a_file_has_the_right_result(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    assert await imported(FOLDER / name, case, tmp_path) == case.result


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.refused])
async def test_its_refused_rows_can_be_imported_again(name: str, tmp_path: Path) -> None:
    """The file of refused rows is read with the same options, and has the rows in their order, with their numbers in the first file."""
    case = CASES[name]
    await imported(FOLDER / name, case, tmp_path)
    [path] = files(tmp_path)
    format = FileFormat(path.suffix[1:])
    dialect = Dialect.parse(case.options, header=case.header)
    rows = list(open_source(content(path), format, dialect).rows())
    assert [row.original for row in rows] == list(case.refused)
    again = await imported(path, case, tmp_path)
    assert again.error is None
    assert len(again.rows) + len(again.refused) == len(rows)


@pytest.mark.parametrize("cell", ["=1+2", "+x", "-x", "@x", "\t=1", "'=1", "''=1", "'quoted'", "-5", "+1.5", "plain", "", "a\nb", ";", "'"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_refused_cell_is_no_formula_and_is_read_as_it_was(cell: str, delimiter: str, tmp_path: Path) -> None:
    path, dialect = tmp_path / "refused.csv", Dialect(delimiter=delimiter)
    refused = RefusedFile(path, ["sku", "name"], dialect)
    row = SourceRow(number=7, original=7, record={}, content=["A", cell], size=2)
    refused.write([(row, "is bad")])
    refused.close()
    content = path.read_bytes()
    assert content.startswith("\ufeffsku".encode())
    text = content.decode("utf-8-sig")
    shown = next(csv.reader(io.StringIO(text.partition("\r\n")[2], newline=""), delimiter=delimiter))
    assert PLAIN.fullmatch(shown[1])
    [again] = open_source(io.BytesIO(content), FileFormat.CSV, Dialect()).rows()
    assert (again.record, again.original) == ({"sku": "A", "name": cell}, 7)


CELLS: Final = ['5" disk', '"quoted"', "it's", "'single'", "a, b", "a;b", "a|b", "a\tb", "=1+2", "'=1", "", " ", "\u00e9", "a\nb", "a^b"]
"""What a field may hold that a dialect could misread."""


@pytest.mark.parametrize("quote", ['"', "'", ""], ids=["double", "single", "none"])
@pytest.mark.parametrize("separator", [None, "^"], ids=["detected", "sep="])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "pipe"])
async def test_refused_rows_are_read_again_as_they_were(quote: str, separator: str | None, delimiter: str, tmp_path: Path) -> None:
    """With the same options, whatever the dialect of the first file was. Only quotes none and unusual delimiters are named or in the file."""
    delimiter = separator or delimiter
    cells = [cell for cell in CELLS if quote or not {delimiter, "\n"} & set(cell)]
    text = io.StringIO()
    style: Final[dict[str, Any]] = (
        {"quotechar": quote, "quoting": csv.QUOTE_ALL} if quote else {"quotechar": None, "quoting": csv.QUOTE_NONE}
    )
    rows = [[f"S{number}", cell, ""] for number, cell in enumerate(cells)]
    csv.writer(text, delimiter=delimiter, **style).writerows([["sku", "name", "category"], *rows])
    path = tmp_path / "first.csv"
    path.write_text((f"sep={separator}\r\n" if separator else "") + text.getvalue(), encoding="utf-8", newline="")
    case = Case(options={"quote": "none"} if not quote else {"quote": "single"} if separator and quote == "'" else {})
    folder = tmp_path / "refused"
    folder.mkdir()
    assert len((await imported(path, case, folder)).refused) == len(cells)
    again = open_source(content(folder / "first.refused.csv"), FileFormat.CSV, Dialect.parse(case.options))
    assert [list(row.record.values()) for row in again.rows()] == rows


@pytest.mark.parametrize("delimiter", [",", " "], ids=["comma", "space"])
def test_a_reason_without_quotes_is_one_field(delimiter: str, tmp_path: Path) -> None:
    path, dialect = tmp_path / "refused.csv", Dialect(delimiter=delimiter, quote="")
    refused = RefusedFile(path, ["sku"], dialect)
    refused.write([(SourceRow(number=1, original=1, record={}, content=["A"], size=1), "is bad, twice")])
    refused.close()
    [again] = open_source(content(path), FileFormat.CSV, Dialect(quote="")).rows()
    assert (again.fault, again.record) == (None, {"sku": "A"})
