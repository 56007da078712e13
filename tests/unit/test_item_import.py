"""Importing without a database: mappings, readers of each format, the journal, the file of refused rows."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api_base.application.common.importing.importer import Importer
from api_base.application.common.importing.mapping import ColumnMapping, MappingRefused
from api_base.application.common.importing.records import FileFormat, Record, UnreadableFile, as_text
from api_base.application.items.commands.import_items import ITEM_SCHEMA
from api_base.core.errors import Invalid
from api_base.domain.items.entities import ItemDetails
from api_base.infrastructure.importing import readers
from api_base.infrastructure.importing.journal import RefusedFile, SqliteJournal
from api_base.infrastructure.importing.readers import (
    MAX_FIELD_LENGTH,
    MAX_RECORD_LENGTH,
    csv_records,
    json_lines_records,
    json_records,
)

FILMS = ["sku=id", "name=Title", "category=Genre[0]", "tags=Genre[]", "attributes.year=Year"]


def test_columns_constants_first_and_all() -> None:
    mapping = ColumnMapping.parse(ITEM_SCHEMA, FILMS, ["price=9.90", "currency=EUR"])
    details = mapping.row({"id": "tt1", "Title": "M", "Genre": "Crime,  Thriller, Crime", "Year": "1931"})
    assert (details.sku, details.name, details.category, details.tags) == ("tt1", "M", "Crime", ("Crime", "Thriller"))
    assert details.attributes == {"year": "1931"}
    assert details.price is not None
    assert details.price.amount == "9.90"


def test_without_a_mapping_columns_are_taken_by_their_names() -> None:
    details = ColumnMapping.parse(ITEM_SCHEMA, [], []).row(
        {"sku": "a", "name": "n", "category": "c", "tags": "x,y", "price": "", "more": "z"}
    )
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


def test_csv() -> None:
    columns, records = csv_records(io.StringIO('sku,name,_row,_reason\na,"x, ""y""\nz",7,bad\n', newline=""))
    assert columns == ["sku", "name"]
    assert list(records) == [{"sku": "a", "name": 'x, "y"\nz'}]


def test_csv_that_is_none() -> None:
    with pytest.raises(UnreadableFile, match="empty"):
        csv_records(io.StringIO(""))
    _, records = csv_records(io.StringIO('sku\n"a\n'))
    with pytest.raises(UnreadableFile, match="Line"):
        list(records)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"sku,name,sku\na,b,c\n", "first line names sku more than once"),
        (b"sku,name\na,b\nc\n", "Line 3 has 1 fields where the first line names 2"),
        (b"sku,name\na,b,c,d\n", "Line 2 has 4 fields where the first line names 2"),
        (b"sku,name\na,\xff\n", "Line 2 is not UTF-8: it has the byte 0xff"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "Line 1 is not UTF-8: it has the byte 0x89"),
        (b"sku\n" + b"x" * (MAX_FIELD_LENGTH + 1), "Line 2 cannot be read: a field has more than 1048576 characters"),
    ],
)
def test_bad_csv_is_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        list(csv_records(as_text(io.BytesIO(content)))[1])


def test_json_is_read_in_bounded_memory() -> None:
    longest = '{"a": "' + "x" * (2 * MAX_RECORD_LENGTH) + '"}'
    with pytest.raises(UnreadableFile, match="Line 1 is longer than"):
        list(json_lines_records(io.StringIO(longest)))
    with pytest.raises(UnreadableFile, match="Element 1 is not JSON, or longer than"):
        list(json_records(io.StringIO(f"[{longest}]")))
    with pytest.raises(UnreadableFile, match="Element 2 is not UTF-8: it has the byte 0xff"):
        list(json_records(as_text(io.BytesIO(b'[{"a": 1},\n' + b" " * 200_000 + b"\xff]"))))


def test_json_arrays_of_any_size() -> None:
    rows = [{"sku": str(n), "text": "x" * 1000, "nested": {"a": [1, "]", "}"]}} for n in range(300)]
    assert list(json_records(io.StringIO(json.dumps(rows, indent=1)))) == rows
    assert list(json_records(io.StringIO("[]"))) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1}] [{"a": 2}]', "The array is followed by more text"),
        ('[{"a": 1} {"a": 2}]', "Element 1 must be followed by a comma or the end"),
        ('[{"a": 1},]', "Element 2 is not JSON: a value is missing at character 1"),
        ('[{"a": 1}' + " " * 100_000 + "x]", "Element 1 must be followed by"),
        ('[{"a": ' + "9" * 5000 + "}]", "Element 1 is not JSON: a number has too many digits"),
        ('[{"a": ' + "[" * 100_000, "Element 1 is not JSON: it is nested too deeply"),
    ],
)
def test_json_that_is_more_or_less_than_one_array_says_where(text: str, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        list(json_records(io.StringIO(text)))


def test_without_a_mapping_an_item_is_taken_as_the_api_shows_it() -> None:
    shown = {"id": "x", "sku": "a", "name": "n", "category": "c", "price": {"amount": "1.10", "currency": "EUR"}, "tags": ["x"]}
    details = ColumnMapping.parse(ITEM_SCHEMA, [], []).row({**shown, "attributes": {"year": 1999}, "attributes.colour": "red"})
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
        ("attributes", "x"),
    ],
)
def test_what_is_no_text_is_refused(field: str, value: object) -> None:
    with pytest.raises(Invalid, match=f"/{field}: must be"):
        ColumnMapping.parse(ITEM_SCHEMA, [], []).row({"sku": "a", "name": "n", "category": "c", "currency": "EUR", field: value})


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"a": 1}', '[{"a": }]', "[" * 100_000])
def test_json_that_is_no_array_of_objects(text: str) -> None:
    with pytest.raises(UnreadableFile):
        list(json_records(io.StringIO(text)))


def test_json_lines() -> None:
    assert list(json_lines_records(io.StringIO('{"a": 1}\n\n{"a": 2, "_row": 3}\n'))) == [{"a": 1}, {"a": 2}]
    with pytest.raises(UnreadableFile, match="Line 2"):
        list(json_lines_records(io.StringIO('{"a": 1}\n{"a"\n')))
    with pytest.raises(UnreadableFile, match="Line 1 is not a JSON object"):
        list(json_lines_records(io.StringIO("[1]\n")))
    with pytest.raises(UnreadableFile, match="Line 2 is not UTF-8: it has the byte 0xff"):
        list(json_lines_records(as_text(io.BytesIO(b'{"a": 1}\n\xff\n'))))


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (FileFormat.CSV, b"sku,name\n\xc3\xa4,n\nb,n\nc,\xe4\n"),
        (FileFormat.JSONL, b'{"sku": "\xc3\xa4"}\n{"sku": "b"}\n{"sku": "\xe4"}\n'),
        (FileFormat.JSON, b'[{"sku": "\xc3\xa4"},\n{"sku": "b"}, {"sku": "\xe4"}]'),
    ],
)
def test_what_stands_before_a_byte_that_is_no_utf_8_is_read(form: FileFormat, content: bytes) -> None:
    """In the same block, and each row that is good in its own place."""
    _, records = readers.records(as_text(io.BytesIO(content)), form)
    found: list[Record] = []
    with pytest.raises(UnreadableFile, match=r"(Line|Element) [34] is not UTF-8: it has the byte 0xe4"):
        found.extend(records)
    assert [record["sku"] for record in found] == ["ä", "b"]


def rows(*skus: str) -> Any:
    return iter([(number, {"sku": sku, "name": "n", "category": "c"}) for number, sku in enumerate(skus, 1)])


async def dry(journal: SqliteJournal, refused: RefusedFile, *skus: str) -> Importer[ItemDetails]:
    importer = Importer(None, ColumnMapping.parse(ITEM_SCHEMA, [], []), journal, refused)
    await importer.run(rows(*skus))
    return importer


async def test_the_second_of_two_is_refused_naming_the_first(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    journal, refused = SqliteJournal(None), RefusedFile(path, ["sku", "name", "category"], 0)
    importer = await dry(journal, refused, "a", "b", "a", "")
    refused.close()
    journal.close()
    assert (importer.report.created, importer.report.refused) == (2, 2)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sku"], row["_row"], row["_reason"]) for row in rows] == [
        ("a", "3", "sku must be unique in the file: 'a' is in row 1 already"),
        ("", "4", "sku must not be blank"),
    ]


async def test_an_interrupted_import_goes_on_where_it_was(tmp_path: Path) -> None:
    state, path = tmp_path / "state", tmp_path / "r.jsonl"
    journal, refused = SqliteJournal(state), RefusedFile(path, None, 0)
    journal.flush_refused = refused.flush
    await dry(journal, refused, "a", "")
    refused.write(3, {"sku": "half"}, "written and not committed")
    refused.close()
    journal.close()
    again = SqliteJournal(state)
    assert again.done == 2
    refused = RefusedFile(path, None, again.refused_size)
    again.flush_refused = refused.flush
    importer = await dry(again, refused, "a", "", "a", "c")
    again.finish()
    again.close()
    refused.close()
    assert (importer.report.created, importer.report.refused) == (2, 2), "those of the interrupted import count as well"
    rows: list[Mapping[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["_row"] for row in rows] == [2, 3]
    assert not state.exists()
