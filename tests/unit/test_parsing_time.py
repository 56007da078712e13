"""Each parser of what a stranger sends takes time in proportion to its input: n, 2n and 4n are measured, as work and not as time.

Work is the number of executed lines, and the size of what functions in C walk through from its beginning: `list.count`, `str.replace`.
"""

import io
import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import CodeType
from typing import Final

import pytest
from pydantic import TypeAdapter

from api_base.application.common.importing.decimals import plain_decimal
from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.prepared import PreparedFile
from api_base.application.common.importing.records import FileFormat
from api_base.application.common.listing import ListRequest, decode_cursor
from api_base.application.items.commands.import_items import ITEM_SCHEMA
from api_base.application.items.queries import ITEM_FIELDS
from api_base.core.errors import ApiBaseError
from api_base.core.types import NO_REQUEST, current_context, parent_of, valid_request_id
from api_base.core.types.language import preferred
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import EmailAddress, Money, Slug
from api_base.infrastructure.importing.readers import open_source
from api_base.interface.listing import list_request
from api_base.interface.middleware.client_address import ClientAddress
from api_base.interface.routes import body
from api_base.interface.routes.etags import expected_version, matches
from api_base.interface.routes.idempotency import keyed
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody

START: Final = 250
LONG: Final = 50_000
"""For text that is read in pieces."""
GROWTH: Final = 2.5
CONSTANT: Final = 500
"""Work that does not depend on the input: a small input may take most of it, a cap ends the growth."""
WALKS: Final = frozenset(
    [
        "count",
        "decode",
        "encode",
        "endswith",
        "find",
        "fullmatch",
        "index",
        "join",
        "lower",
        "lstrip",
        "max",
        "min",
        "partition",
        "remove",
        "replace",
        "rfind",
        "rpartition",
        "rsplit",
        "rstrip",
        "search",
        "set",
        "sorted",
        "split",
        "splitlines",
        "strip",
        "sub",
        "sum",
        "translate",
        "tuple",
        "list",
        "upper",
    ]
)
_TOOL: Final = 4


class _Work:
    def __init__(self) -> None:
        self.amount = 0

    def line(self, code: CodeType, line: int) -> None:
        self.amount += 1

    def call(self, code: CodeType, offset: int, function: object, first: object) -> None:
        if isinstance(first, Collection) and getattr(function, "__name__", "") in WALKS:
            self.amount += len(first) // 64


@contextmanager
def measured() -> Iterator[_Work]:
    work, events = _Work(), sys.monitoring.events
    sys.monitoring.use_tool_id(_TOOL, "parsing")
    sys.monitoring.register_callback(_TOOL, events.LINE, work.line)
    sys.monitoring.register_callback(_TOOL, events.CALL, work.call)
    sys.monitoring.set_events(_TOOL, events.LINE | events.CALL)
    try:
        yield work
    finally:
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.free_tool_id(_TOOL)


def growth(make: Callable[[int], object], parse: Callable[[object], object], start: int) -> list[float]:
    """The factors by which the work grows from n to 2n and from 2n to 4n. An input may be refused."""
    amounts = []
    for size in (start, 2 * start, 4 * start):
        value = make(size)
        with suppress(ApiBaseError):
            parse(value)  # what is done once does not count
        with measured() as work, suppress(ApiBaseError):
            parse(value)
        amounts.append(work.amount + CONSTANT)
    return [amounts[1] / amounts[0], amounts[2] / amounts[1]]


def csv(content: object) -> object:
    return imported(FileFormat.CSV, content)


def imported(format: FileFormat, content: object) -> object:
    assert isinstance(content, str)
    file = io.BytesIO(content.encode("utf-8", "surrogateescape"))
    prepared = PreparedFile.prepare(ITEM_SCHEMA, MAPS, (), open_source, file, format, Dialect())
    for row in prepared.open().rows():
        with suppress(ApiBaseError):
            prepared.mapping.row(row.record)
    return None


def text_of[T](parse: Callable[[str], T]) -> Callable[[object], T]:
    def run(value: object) -> T:
        assert isinstance(value, str)
        return parse(value)

    return run


def validated(model: type) -> Callable[[object], object]:
    adapter = TypeAdapter[object](model)
    return text_of(lambda text: body.parse(text.encode("utf-8", "surrogatepass"), adapter))


def query(text: str) -> object:
    return list_request(text.encode(), ITEM_FIELDS, searchable=True)


def cursor(text: str) -> object:
    return decode_cursor(ListRequest(sort=(), cursor=text), ())


def idempotency_key(text: str) -> object:
    return keyed({"headers": [(b"idempotency-key", text.encode())], "path": "/", "query_string": b""}, _receive, accepted=True)


async def _receive() -> dict[str, object]:
    return {}


def client_address(text: str) -> object:
    header = text.encode()
    return [ClientAddress(("0.0.0.0/0", "::/0"), name).of("10.0.0.1", header, header) for name in ("x-forwarded-for", "forwarded")]


MAPS: Final = ("sku=sku", "name=name", "category=category[0]")
HEAD: Final = "sku,name,category"
ITEM: Final = {"sku": "A", "name": "n", "category": "c"}


@dataclass(frozen=True)
class Parser:
    """`repeated` is what the input repeats, between `before` and `after`."""

    parse: Callable[[object], object]
    repeated: str
    before: str = ""
    after: str = ""
    separator: str = ""
    start: int = START

    def make(self, size: int) -> str:
        return self.before + self.separator.join(self.repeated.replace("#", str(number)) for number in range(size)) + self.after


lines, array = (lambda text: imported(FileFormat.JSONL, text)), (lambda text: imported(FileFormat.JSON, text))
create, patch = validated(CreateItemBody), validated(PatchItemBody)
PARSERS: Final = {
    "csv columns": Parser(csv, ",c#", HEAD, "\nA,n,c\n"),
    "csv equal columns": Parser(csv, ",c", HEAD, "\nA,n,c\n"),
    "csv attributes": Parser(csv, ",attributes.c#", HEAD, "\nA,n,c\n"),
    "csv rows": Parser(csv, "A#,n,c\n", HEAD + "\n"),
    "csv fields in a row": Parser(csv, ",x", HEAD + "\nA,n,c", "\n"),
    "csv values in a field": Parser(csv, "x,", HEAD + '\nA,n,"', '"\n'),
    "csv length of a field": Parser(csv, "x", HEAD + "\nA,n,", "\n", start=LONG),
    "csv unclosed quotes": Parser(csv, 'A#,"n,c\n', HEAD + "\n"),
    "csv alternating quotes": Parser(csv, 'x","a\n', HEAD + "\n"),
    "csv one unclosed quote": Parser(csv, "A#,n,c\n", HEAD + '\nA,"n,c\n'),
    "csv doubled quotes": Parser(csv, '""\n', HEAD + '\nA,"n'),
    "csv blank lines": Parser(csv, "\n", HEAD + "\n"),
    "csv bytes of no encoding": Parser(csv, "A#,\udce4\udc81,c\n", HEAD + "\n"),
    "jsonl lines": Parser(lines, json.dumps(ITEM).replace("A", "A#") + "\n"),
    "jsonl members": Parser(lines, '"c#": 1,', "{", '"d": 1}'),
    "jsonl equal members": Parser(lines, '"c": 1,', "{", '"d": 1}'),
    "jsonl brackets": Parser(lines, "[", '{"a": '),
    "jsonl wrong lines": Parser(lines, '{"a\n'),
    "json elements": Parser(array, json.dumps(ITEM).replace("A", "A#"), "[", "]", ","),
    "json commas": Parser(array, ",", "[", "]"),
    "json pairs of brackets": Parser(array, "[]", '[{"a": ', "}]"),
    "json members of the document": Parser(array, '"c#": [1],', "{", '"data": [{}]}'),
    "json escapes": Parser(array, '\\"', '[{"a": "', '"}]', start=LONG),
    "json backslashes": Parser(array, "\\\\", '[{"a": "', '"}]', start=LONG),
    "json strings": Parser(array, '"a"', "[", "]", ","),
    "body members": Parser(create, '"c#": 1,', "{", '"d": 1}'),
    "body equal members": Parser(create, '"c": 1,', "{", '"d": 1}'),
    "body brackets": Parser(create, "[", '{"attributes": '),
    "body pairs of brackets": Parser(create, "{}", '{"attributes": [', "]}", ","),
    "body escapes": Parser(create, '\\"', '{"name": "', '"}', start=LONG),
    "body attributes": Parser(create, '"c#": 1,', json.dumps(ITEM)[:-1] + ', "attributes": {', '"d": 1}}'),
    "body tags": Parser(create, '"t#",', json.dumps(ITEM)[:-1] + ', "tags": [', '"t"]}'),
    "merge patch members": Parser(patch, '"c#": null,', '{"attributes": {', '"d": 1}}'),
    "merge patch depth": Parser(patch, '{"a":', '{"attributes": '),
    "merge patch tags": Parser(patch, '"t#",', '{"tags": [', '"t"]}'),
    "query parameters": Parser(text_of(query), "name=x&"),
    "query unknown parameters": Parser(text_of(query), "p#=x&"),
    "query brackets": Parser(text_of(query), "name[", "", "=x"),
    "query percents": Parser(text_of(query), "%41", "name="),
    "filter members": Parser(text_of(query), "x#,", "status[in]="),
    "filter escapes": Parser(text_of(query), "\\,", "name[in]="),
    "filter backslashes": Parser(text_of(query), "\\", "name[in]="),
    "sort": Parser(text_of(query), "-name,", "sort="),
    "search": Parser(text_of(query), "x+", "q="),
    "cursor": Parser(text_of(cursor), "W1tb"),
    "cursor brackets": Parser(text_of(cursor), "W1tb", "", "=="),
    "if-match": Parser(text_of(expected_version), '"v1-json1", '),
    "if-match versions": Parser(text_of(expected_version), '"v#-json1"', separator=","),
    "if-match spaces": Parser(text_of(expected_version), " ", '"v1-json1"', "x"),
    "if-match quotes": Parser(text_of(expected_version), '"'),
    "if-none-match": Parser(text_of(lambda text: matches(text, '"v1-json1"')), 'W/"v1-json1",'),
    "accept-language": Parser(text_of(preferred), "de;q=0.1,"),
    "accept-language parameters": Parser(text_of(preferred), ";q=0.1", "de"),
    "idempotency-key": Parser(text_of(idempotency_key), "a"),
    "idempotency-key quotes": Parser(text_of(idempotency_key), '"'),
    "x-request-id": Parser(text_of(lambda text: valid_request_id(text.encode())), "a-"),
    "traceparent": Parser(text_of(lambda text: parent_of(text.encode())), "0-"),
    "x-forwarded-for": Parser(text_of(client_address), "10.0.0.1, "),
    "forwarded": Parser(text_of(client_address), 'for="[2001:db8::1]";', "", ""),
    "forwarded spaces": Parser(text_of(client_address), " ;", "for"),
    "e-mail local part": Parser(text_of(EmailAddress.parse), "a.", "", "@example.com"),
    "e-mail domain": Parser(text_of(EmailAddress.parse), "a-a.", "a@", "!"),
    "e-mail at signs": Parser(text_of(EmailAddress.parse), "a@"),
    "slug": Parser(text_of(Slug.parse), "a-"),
    "money": Parser(text_of(lambda text: Money.parse(text, "EUR")), "9"),
    "decimal": Parser(text_of(lambda text: plain_decimal(text, "price", comma=True)), "1.000"),
    "text marks": Parser(text_of(lambda text: TextRule(max_length=200).parse(text, "/name")), "\u0301", "a"),
    "text ignorable": Parser(text_of(lambda text: TextRule(max_length=200, key=True).parse(text, "/sku")), "\u200b", "a"),
    "mapping templates": Parser(text_of(lambda text: ColumnMapping.parse(ITEM_SCHEMA, ["sku=" + text, *MAPS[1:]], ()).row({})), "{c#}-"),
    "mapping open braces": Parser(text_of(lambda text: ColumnMapping.parse(ITEM_SCHEMA, ["sku=" + text, *MAPS[1:]], ()).row({})), "{"),
    "mapping brackets": Parser(text_of(lambda text: ColumnMapping.parse(ITEM_SCHEMA, ["sku=" + text, *MAPS[1:]], ()).row({})), "[0]"),
}


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    token = current_context.set(NO_REQUEST)
    yield
    current_context.reset(token)


@pytest.mark.parametrize("name", PARSERS)
def test_work_grows_in_proportion_to_the_input(name: str) -> None:
    parser = PARSERS[name]
    assert max(growth(parser.make, parser.parse, parser.start)) <= GROWTH


@pytest.mark.parametrize(
    "parse",
    [
        lambda text: [parts for parts in [text.split(",")] for part in parts if parts.count(part) > 1],
        lambda text: [one for one in text.split(",") for other in text.split(",")[:10_000] if one is other],
        lambda text: [text[:at].replace("a", "b") for at in range(0, len(text), 2)],
    ],
)
def test_the_measure_sees_a_square(parse: Callable[[str], object]) -> None:
    """The first is how a file with 12,000 columns stopped a process: the square is in C."""
    assert max(growth(lambda size: "a," * (2 * size), text_of(parse), START)) > GROWTH
