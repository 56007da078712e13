"""Importing without a database: mappings, readers of each format, the journal, the file of refused rows."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.importer import Importer
from api_base.application.common.importing.imports import Import, RefusedFileState
from api_base.application.common.importing.journal import ImportJournal
from api_base.application.common.importing.mapping import ColumnMapping, MappingRefused
from api_base.application.common.importing.records import FileFormat, Record, RecordSource, SourceRow, UnreadableFile
from api_base.application.common.importing.report import Report
from api_base.application.items.commands.import_items import ITEM_SCHEMA
from api_base.core.errors import ConfigurationError, Invalid
from api_base.domain.items.entities import ItemDetails
from api_base.infrastructure.importing.csv_lines import MAX_ROW_LENGTH
from api_base.infrastructure.importing.json_scanner import MAX_VALUE_LENGTH
from api_base.infrastructure.importing.keys import SqliteKeys
from api_base.infrastructure.importing.readers import open_source
from api_base.infrastructure.importing.refused import RefusedFile

FILMS = ["sku=id", "name=Title", "category=Genre[0]", "tags=Genre[]", "attributes.year=Year"]


def test_columns_constants_first_and_all() -> None:
    mapping = ColumnMapping.parse(ITEM_SCHEMA, FILMS, ["price=9.90", "currency=EUR"])
    details = mapping.row({"id": "tt1", "Title": "M", "Genre": "Crime,  Thriller, Crime", "Year": "1931"}).details
    assert (details.sku, details.name, details.category, details.tags) == ("tt1", "M", "Crime", ("Crime", "Thriller"))
    assert details.attributes == {"year": "1931"}
    assert details.price is not None
    assert details.price.amount == "9.90"


def test_without_a_mapping_columns_are_taken_by_their_names() -> None:
    row = ColumnMapping.parse(ITEM_SCHEMA, [], []).row({"sku": "a", "name": "n", "category": "c", "tags": "x,y", "price": "", "more": "z"})
    details = row.details
    assert (details.tags, details.price, details.attributes) == (("x", "y"), None, {})


def test_what_is_wrong_with_a_row_is_told() -> None:
    mapping = ColumnMapping.parse(ITEM_SCHEMA, FILMS, ["price=9.90"])
    with pytest.raises(Invalid, match="currency"):
        mapping.row({"id": "tt1", "Title": "M", "Genre": "Crime"})
    with pytest.raises(Invalid, match="category"):
        ColumnMapping.parse(ITEM_SCHEMA, FILMS, []).row({"id": "tt1", "Title": "M", "Genre": None})


@pytest.mark.parametrize(
    ("maps", "constants", "message"),
    [
        (["sku"], [], "not of the form"),
        (["colour=x"], [], "'colour'"),
        (["attributes.=x"], [], "not a target"),
        (["sku=a", "name=b"], [], "category"),
        (["sku=a"], ["price"], "not of the form"),
        (["name=b", "category=c"], ["sku=1"], "sku=1: each row needs its own sku"),
        (FILMS, ["price=abc"], "price=abc: must be decimal text"),
        (FILMS, ["price=1.2345"], "price=1.2345: no currency has so many decimal places"),
        (FILMS, ["price=1.5", "currency=JPY"], "price=1.5: has more decimal places than JPY allows"),
        (FILMS, ["currency=euro"], "currency=euro: 'euro' is not a currency of ISO 4217"),
        (["sku=a", "sku=b"], [], "sku=b: sku is set more than once"),
        (["sku=a", "name=b", "category=c"], ["category=d"], "category=d: category is set more than once"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(maps: list[str], constants: list[str], message: str) -> None:
    with pytest.raises(MappingRefused, match=message):
        ColumnMapping.parse(ITEM_SCHEMA, maps, constants)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MappingRefused, match="no column Genre; it has id, Title, Year"):
        ColumnMapping.parse(ITEM_SCHEMA, FILMS, []).check(["id", "Title", "Year"])


def source(content: bytes | str, form: FileFormat = FileFormat.CSV, dialect: Dialect = Dialect()) -> RecordSource:
    return open_source(io.BytesIO(content.encode() if isinstance(content, str) else content), form, dialect)


def records(content: bytes | str, form: FileFormat = FileFormat.CSV) -> list[Record]:
    """The records of the rows, none of which is refused."""
    rows = list(source(content, form).rows())
    assert [row.fault for row in rows] == [None] * len(rows)
    return [row.record for row in rows]


def faults(content: bytes | str, form: FileFormat = FileFormat.CSV) -> dict[int, str]:
    return {row.number: row.fault for row in source(content, form).rows() if row.fault is not None}


def test_csv() -> None:
    content = 'sku,name,_row,_reason\na,"x, ""y""\nz",7,bad\n'
    assert source(content).columns == ["sku", "name"]
    assert records(content) == [{"sku": "a", "name": 'x, "y"\nz'}]
    assert [row.original for row in source(content).rows()] == [7]


def test_csv_that_is_none() -> None:
    with pytest.raises(UnreadableFile, match="empty"):
        source("")
    assert faults('sku\n"a\n') == {1: "has a quote that is not closed"}


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        (b"sku,name\na,b\nc\nd,e\n", {2: "has 1 field where the first line has 2"}),
        (b"sku,name\na,b,c,d\ne,f\n", {1: "has 4 fields where the first line has 2"}),
        (b"sku,name\na,\xc3\xa4\nb,\xff\nc,d\n", {2: "is not UTF-8: it has the byte 0xff"}),
        (b"sku\n" + b"x" * (MAX_ROW_LENGTH + 1) + b"\na\n", {1: "has more than 1048576 characters"}),
        (b'sku,name\n"a"b,c\nd,e\n', {1: "has text after a closing quote"}),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_alone(content: bytes, errors: dict[int, str]) -> None:
    assert faults(content) == errors
    assert [row.number for row in source(content).rows()][-1] > 1 or len(errors) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0", "Line 1 is not UTF-8: it has the byte 0x89"),
        (b"x" * (MAX_ROW_LENGTH + 1), "Line 1 has more than 1048576 characters"),
        (b"a" + b"," * 20_000, "Line 1 has 20001 columns; at most 16384 are allowed"),
        (b'"a,b\nc,d\n', "Line 1 has a quote that is not closed"),
    ],
)
def test_bad_csv_is_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        source(content)


@pytest.mark.parametrize("content", ["sku,name,sku\na,b,c\n", "sku,sku,name,category\na,b,c,d\n"])
def test_a_column_that_is_mapped_twice_is_named(content: str) -> None:
    with pytest.raises(MappingRefused, match="several columns with the name sku"):
        ColumnMapping.parse(ITEM_SCHEMA, ["sku=sku", "name=name"], ["category=c"]).check(source(content).columns or [])


def test_json_is_read_in_bounded_memory() -> None:
    longest = '{"a": "' + "x" * (2 * MAX_VALUE_LENGTH) + '"}'
    errors = {1: "has more than 1048576 characters"}
    assert faults(f'{longest}\n{{"a": 1}}', FileFormat.JSONL) == errors
    assert faults(f'[{longest}, {{"a": 1}}]', FileFormat.JSON) == errors
    assert faults(b'[{"a": "\xc3\xa4"},\n' + b" " * 200_000 + b'{"a": "\xff"}, {}]', FileFormat.JSON) == {
        2: "is not UTF-8: it has the byte 0xff"
    }


def test_json_arrays_of_any_size() -> None:
    rows = [{"sku": str(n), "text": "x" * 1000, "nested": {"a": [1, "]", "}", '\\"']}} for n in range(300)]
    assert records(json.dumps(rows, indent=1), FileFormat.JSON) == rows
    assert records(json.dumps({"page": 1, "data": rows}), FileFormat.JSON) == rows
    assert records("[]", FileFormat.JSON) == []


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ('[{"a": 1} {"a": 2}, {}]', {1: "is not JSON: more text follows the JSON value at line 1, column 10"}),
        ('[{"a": 1},]', {2: "is not JSON: the text ends too early at line 1, column 0"}),
        ('[{"a": ' + "9" * 5000 + "}, {}]", {1: "is not JSON: a number has too many digits at line 1, column 4308"}),
        ('[{"a": ' + "[" * 40 + "]" * 40 + "}, {}]", {1: "is nested more than 32 levels deep"}),
        ('[{"a": 1, "a": 2}, {}]', {1: "is not JSON: an object has two members of one name at line 1, column 14"}),
        ('[{"a": {"b": 1, "\\u0062": 2}}, {}]', {1: "is not JSON: an object has two members of one name at line 1, column 25"}),
        ('[{"a": NaN}, 7, {}]', {1: "is not JSON: a value is missing at line 1, column 7", 2: "is not a JSON object"}),
    ],
)
def test_an_element_that_cannot_be_read_is_refused_alone(text: str, errors: dict[int, str]) -> None:
    assert faults(text, FileFormat.JSON) == errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1}] [{"a": 2}]', "The array is followed by more text"),
        ('[{"a": 1}}', "Element 1 must be followed by a comma or the end"),
        ('[{"a": ' + "[" * 100_000, "The file ends within element 1"),
    ],
)
def test_json_that_is_more_or_less_than_one_array_says_where(text: str, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        records(text, FileFormat.JSON)


def test_without_a_mapping_an_item_is_taken_as_the_api_shows_it() -> None:
    shown = {"id": "x", "sku": "a", "name": "n", "category": "c", "price": {"amount": "1.10", "currency": "EUR"}, "tags": ["x"]}
    details = ColumnMapping.parse(ITEM_SCHEMA, [], []).row({**shown, "attributes": {"year": 1999}, "attributes.colour": "red"}).details
    assert details.price is not None
    assert (details.price.amount, details.price.currency, details.tags) == ("1.10", "EUR", ("x",))
    assert details.attributes == {"year": 1999, "colour": "red"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", {"a": 1}),
        ("category", ["toys"]),
        ("sku", True),
        ("tags", [["a"]]),
        ("tags", {"a": 1}),
        ("price", ["1"]),
        ("prices", ["1"]),
        ("prices", "1.10 EUR"),
        ("prices", {"amount": "1.10", "currency": "EUR"}),
        ("attributes", "x"),
    ],
)
def test_what_is_no_text_is_refused(field: str, value: object) -> None:
    with pytest.raises(Invalid, match=f"/{field}: must be"):
        ColumnMapping.parse(ITEM_SCHEMA, [], []).row({"sku": "a", "name": "n", "category": "c", "currency": "EUR", field: value})


@pytest.mark.parametrize("text", ["", "{}", "1", '[{"a": 1}', '[{"a": }', "[" * 100_000, '{"a": [1]}', '{"a": [{}], "b": [{}]}'])
def test_json_that_is_no_array_of_objects(text: str) -> None:
    with pytest.raises(UnreadableFile):
        records(text, FileFormat.JSON)


def test_json_lines() -> None:
    assert records('{"a": 1}\n\n{"a": 2, "_row": 3}\n', FileFormat.JSONL) == [{"a": 1}, {"a": 2}]
    content = b'{"a": 1}\n{"a"\n[1]\n{"a": "\xc3\xa4"}\n{"a": "\xff"}\n'
    assert faults(content, FileFormat.JSONL) == {
        2: "is not JSON: the text ends too early at line 2, column 0",
        3: "is not a JSON object",
        5: "is not UTF-8: it has the byte 0xff",
    }


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (FileFormat.CSV, b"sku,name\n\xc3\xa4,n\nb,n\nc,\xe4\nd,n\n"),
        (FileFormat.JSONL, b'{"sku": "\xc3\xa4"}\n{"sku": "b"}\n{"sku": "\xe4"}\n{"sku": "d"}\n'),
        (FileFormat.JSON, b'[{"sku": "\xc3\xa4"},\n{"sku": "b"}, {"sku": "\xe4"}, {"sku": "d"}]'),
    ],
)
def test_what_stands_before_a_byte_that_is_no_utf_8_is_read(form: FileFormat, content: bytes) -> None:
    """And what follows it, in the same block."""
    assert faults(content, form) == {3: "is not UTF-8: it has the byte 0xe4"}
    assert [row.record.get("sku") for row in source(content, form).rows()] == ["ä", "b", None, "d"]


def rows(*skus: str) -> Iterator[SourceRow]:
    for number, sku in enumerate(skus, 1):
        record = {"sku": sku, "name": "n", "category": "c"}
        yield SourceRow(number=number, original=number, record=record, content=list(record.values()), size=3)


async def dry(journal: ImportJournal, refused: RefusedFile, *skus: str) -> Importer[ItemDetails]:
    importer = Importer(None, ColumnMapping.parse(ITEM_SCHEMA, [], []), journal, refused)
    await importer.run(rows(*skus))
    return importer


def refused_file(path: Path) -> RefusedFile:
    return RefusedFile(path, ["sku", "name", "category"], Dialect())


async def test_the_second_of_two_is_refused_naming_the_first(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    refused = refused_file(path)
    importer = await dry(ImportJournal(SqliteKeys()), refused, "a", "b", "a", "")
    refused.close()
    assert (importer.report.created, importer.report.refused) == (2, 2)
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows_read = list(csv.DictReader(file))
    assert [(row["sku"], row["_row"], row["_reason"]) for row in rows_read] == [
        ("a", "3", "sku must be unique in the file: 'a' is in row 1 already"),
        ("", "4", "sku must not be blank"),
    ]


async def test_an_interrupted_import_goes_on_where_it_was(tmp_path: Path) -> None:
    """The rows of the last chunk that the database knows as refused are written again, and the keys of what is done are known."""
    path = tmp_path / "r.csv"
    refused = refused_file(path)
    await dry(ImportJournal(SqliteKeys()), refused, "a", "")
    refused.close()
    whole = path.read_bytes()
    for left in (b"", whole[:7], whole):
        path.write_bytes(left)
        journal = ImportJournal(SqliteKeys(), interrupted(rows_done=2, report=Report(created=1, refused=1)))
        remaining = rows("a", "", "a", "c")
        done = list(journal.remember(ColumnMapping.parse(ITEM_SCHEMA, [], []), remaining))
        again = refused_file(path)
        again.resume(RefusedFileState(), [(done[1], "sku must not be blank")])
        assert path.read_bytes() == whole
        importer = Importer(None, ColumnMapping.parse(ITEM_SCHEMA, [], []), journal, again)
        await importer.run(remaining)
        again.close()
        assert (importer.report.created, importer.report.refused) == (2, 2), "those of the interrupted import count as well"
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows_read: list[Mapping[str, Any]] = list(csv.DictReader(file))
        assert [row["_row"] for row in rows_read] == ["2", "3"]


def contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.glob(pattern)}


async def test_a_new_import_keeps_the_refused_rows_of_earlier_ones(tmp_path: Path) -> None:
    """Somebody may be correcting them."""
    path, kept = tmp_path / "r.csv", dict[str, bytes]()
    for number in range(3):
        refused = refused_file(path)
        refused.begin()
        await dry(ImportJournal(SqliteKeys()), refused, "")
        refused.close()
        assert refused.earlier == (tmp_path / f"r.{number}.csv" if number else None)
        assert contents(tmp_path, "r.?.csv") == kept
        path.write_bytes(path.read_bytes() + b"corrected %d" % number)
        kept[f"r.{number + 1}.csv"] = path.read_bytes()


def test_a_file_of_something_else_is_neither_replaced_nor_renamed(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("mine")
    refused = refused_file(path)
    with pytest.raises(ConfigurationError, match="exists and is not a file of refused rows"):
        refused.begin()
    refused.close()
    assert contents(tmp_path, "*") == {"r.csv": b"mine"}


def interrupted(**fields: Any) -> Import:
    return Import(
        id=UUID(int=1), kind="items", format=FileFormat.CSV, dialect=Dialect(), maps=(), constants=(), source="x", **fields
    )  # fmt: skip


class Rows:
    """Implements `RefusedRows`; `written` are the chunks."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []

    def write(self, rows: Iterator[tuple[SourceRow, str]]) -> None:
        self.written.append([reason for _, reason in rows])


async def test_only_chunks_with_refused_rows_are_written() -> None:
    for skus, written in ((["a", "b"], []), (["a", ""], [1]), ([""], [1])):
        refused = Rows()
        await Importer(None, ColumnMapping.parse(ITEM_SCHEMA, [], []), ImportJournal(SqliteKeys()), refused).run(rows(*skus))
        assert [len(chunk) for chunk in refused.written] == written


OWN = ["sku=a", "name=b", "category=c"]


@pytest.mark.parametrize(
    ("maps", "names", "twice"),
    [
        ([], ["sku", "name", "category", "sku", "name"], "name, sku"),
        ([], ["sku", "name", "category", "attributes.color", "attributes.color"], "attributes.color"),
        ([], ["sku", "name", "category", "other", "other"], None),
        (OWN, ["a", "b", "c", "attributes.color", "attributes.color"], None),
        (OWN, ["a", "b", "c", "a"], "a"),
    ],
)
def test_a_column_that_the_mapping_uses_stands_once(maps: list[str], names: list[str], twice: str | None) -> None:
    mapping = ColumnMapping.parse(ITEM_SCHEMA, maps, [])
    if twice is None:
        mapping.check(names)
        return
    with pytest.raises(MappingRefused, match=f"several columns with the name {twice}, which the mapping uses"):
        mapping.check(names)
