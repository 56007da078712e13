"""Every parser and matcher of what a stranger sends, each with hostile input of any size: what the tests of growth measure."""

import asyncio
import io
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from api_base.application.common.cqrs import Bus
from api_base.application.common.importing.decimals import plain_decimal
from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.prepared import PreparedFile
from api_base.application.common.importing.records import FileFormat
from api_base.application.common.listing import decode_cursor
from api_base.application.common.merge_patch import merge_patch
from api_base.application.items.commands.import_items import ITEM_SCHEMA
from api_base.application.items.queries import ITEM_FIELDS
from api_base.application.services.mailing import harmless
from api_base.core.errors import ApiBaseError
from api_base.core.shared import base64url
from api_base.core.shared.strict_json import strict_json
from api_base.core.shared.trace_context import baggage_of, tracestate_of
from api_base.core.types import UserId, parent_of, valid_request_id
from api_base.core.types.language import preferred
from api_base.domain.auth.device import device_id
from api_base.domain.common.stored_json import stored
from api_base.domain.common.text import TextRule, key, normalized
from api_base.domain.common.value_objects import EmailAddress, Money, Slug
from api_base.infrastructure.auth.jwt import Ed25519TokenVerifier
from api_base.infrastructure.auth.link_tokens import HmacLinkTokens
from api_base.infrastructure.auth.password_policy import scored
from api_base.infrastructure.importing.readers import open_source
from api_base.infrastructure.storage.inspection.media_types import canonical
from api_base.infrastructure.system import SystemClock
from api_base.interface.errors.problem import Problem
from api_base.interface.listing import list_request
from api_base.interface.middleware.client_address import ClientAddress
from api_base.interface.middleware.http_exchange import HttpExchange
from api_base.interface.router import route_table
from api_base.interface.routes import body, rendering
from api_base.interface.routes.etags import expected_version, matches
from api_base.interface.routes.idempotency import keyed
from api_base.interface.v1 import items
from api_base.interface.v1.auth import PasswordForm
from api_base.interface.v1.bodies.batches import BatchBody
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody
from api_base.interface.v1.bodies.users import LoginBody
from api_base.serving.request_input import Hosts, authority_of, refused_line
from tests.connections import ServerOnWires, answer_body, settled
from tests.factories.keys import signing_key

ROWS: Final = 150
SHORT: Final = 1000
LONG: Final = 20_000
"""For text that is walked through in C."""
PIECES: Final = 40_000
"""For text of several pieces of the scanner."""
BINDING: Final = "0a" * 9
OF_LIST: Final = base64url.encode(f'["{BINDING}"'.encode())
"""How a cursor begins that is parsed."""


def imported(format: FileFormat, content: str) -> object:
    file = io.BytesIO(content.encode("utf-8", "surrogateescape"))
    prepared = PreparedFile.prepare(ITEM_SCHEMA, MAPS, (), open_source, file, format, Dialect())
    for row in prepared.open().rows():
        with suppress(ApiBaseError):
            prepared.mapping.row(row.record)
    return None


def csv(content: str) -> object:
    return imported(FileFormat.CSV, content)


def lines(content: str) -> object:
    return imported(FileFormat.JSONL, content)


def array(content: str) -> object:
    return imported(FileFormat.JSON, content)


def composed(text: str) -> object:
    """A mapping that names one column many times, and the row of a record whose column is as long."""
    mapping = ColumnMapping.parse(ITEM_SCHEMA, ["sku=" + text, *MAPS[1:]], ())
    return mapping.row({"c": text, "name": "n", "category": "c"})


def validated(model: type[BaseModel]) -> Callable[[str], object]:
    adapter = TypeAdapter[Any](model)

    def parse(text: str) -> object:
        found = body.parse(text.encode("utf-8", "surrogatepass"), adapter, model)
        return found.details() if hasattr(found, "details") else found

    return parse


def patched(text: str) -> object:
    document = json.loads(text)
    return stored(merge_patch(document, merge_patch({}, document)), "/attributes", 16_384)


def query(text: str) -> object:
    return list_request(text.encode(), ITEM_FIELDS, searchable=True)


def cursor(text: str) -> object:
    return decode_cursor(text, BINDING, ())


def read_query(text: str) -> object:
    rendering.refuse_parameters(text.encode(), sparse=True)
    return rendering.sparse_fields(text.encode(), rendering.field_names(items.ItemDTO))


def scope(*headers: tuple[bytes, str], query_string: str = "", path: str = "/") -> dict[str, Any]:
    fields = [(name, value.encode("latin-1", "replace")) for name, value in headers]
    return {"type": "http", "headers": fields, "path": path, "query_string": query_string.encode()}


async def receive() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def nowhere(message: Mapping[str, object]) -> None:
    del message


def idempotency_key(text: str) -> object:
    return keyed(scope((b"idempotency-key", text)), receive, accepted=True)


def client_address(text: str) -> object:
    header = text.encode()
    return [ClientAddress(("0.0.0.0/0", "::/0"), name).of("10.0.0.1", header, header) for name in ("x-forwarded-for", "forwarded")]


def header_lines(text: str) -> object:
    return HttpExchange(scope(*((b"x-forwarded-for", line) for line in text.splitlines())), receive, nowhere)


def strict(text: str) -> object:
    with suppress(ValueError):
        return strict_json(text.encode())
    return None


def form(text: str) -> object:
    async def sent() -> dict[str, object]:
        return {"type": "http.request", "body": text.encode(), "more_body": False}

    return asyncio.run(PasswordForm().read(scope((b"content-type", body.FORM[0])), sent, 1 << 24))


def connected(text: str, size: int = 1 << 24) -> object:
    """A connection that receives `text` in pieces of `size` bytes."""

    async def run() -> None:
        client = ServerOnWires(answer_body, max_header_bytes=1_048_576, max_header_fields=10_000).client()
        data = text.encode()
        for start in range(0, len(data), size):
            client.send(data[start : start + size])
        await settled()

    return asyncio.run(run())


def dripped(text: str) -> object:
    return connected(text, 1)


def problem(text: str) -> object:
    return Problem(kind="", title="", status=404, detail="").body(text, "")


TOKENS: Final = Ed25519TokenVerifier([signing_key()], SystemClock(), issuer="i", audience="a")
LINKS: Final = HmacLinkTokens([signing_key()])
ROUTES: Final = route_table([("/api/v1", items.routes(Bus([])))], 1 << 20)
NAME: Final = TextRule(max_length=200)
SKU: Final = TextRule(max_length=200, key=True)
USER: Final = UserId(UUID(int=1))
MAPS: Final = ("sku=sku", "name=name", "category=category[0]")
HEAD: Final = "sku,name,category"
ITEM: Final = {"sku": "A", "name": "n", "category": "c"}
OPENED: Final = json.dumps(ITEM)[:-1]
BATCH: Final = '{"operations": ['
MARKS: Final = "\u0301\u0323"
"""Two combining marks in the order that normalization turns round: sorting a row of them takes the square of its length."""
POST: Final = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
GET: Final = "GET / HTTP/1.1\r\nHost: a\r\n"


@dataclass(frozen=True)
class Parser:
    """`repeated` is what the input repeats, between `before` and `after`; `#` in it is the number of the repetition. `start` is n."""

    parse: Callable[[str], object]
    repeated: str
    before: str = ""
    after: str = ""
    separator: str = ""
    start: int = SHORT

    def make(self, size: int) -> str:
        return self.before + self.separator.join(self.repeated.replace("#", str(number)) for number in range(size)) + self.after


def row(after: str) -> str:
    return f"{HEAD}\n{after}"


create, patch, batch, login = map(validated, (CreateItemBody, PatchItemBody, BatchBody, LoginBody))
PARSERS: Final[Mapping[str, Parser]] = {
    "csv columns": Parser(csv, ",c#", HEAD, "\nA,n,c\n"),
    "csv equal columns": Parser(csv, ",c", HEAD, "\nA,n,c\n"),
    "csv attributes": Parser(csv, ",attributes.c#", HEAD, "\nA,n,c\n"),
    "csv rows": Parser(csv, "A#,n,c\n", row(""), start=ROWS),
    "csv rows of marks": Parser(csv, f"A#,{MARKS * 3},c\n", row(""), start=ROWS),
    "csv fields in a row": Parser(csv, ",x", row("A,n,c"), "\n"),
    "csv values in a field": Parser(csv, "x,", row('A,n,"'), '"\n'),
    "csv length of a field": Parser(csv, "x", row("A,n,"), "\n", start=LONG),
    "csv marks in a field": Parser(csv, MARKS, row('A,"'), '",c\n'),
    "csv marks in a key": Parser(csv, MARKS * 10 + "\u200b", row('"A'), '",n,c\n', start=ROWS),
    "csv unclosed quotes": Parser(csv, 'A#,"n,c\n', row(""), start=ROWS),
    "csv alternating quotes": Parser(csv, 'x","a\n', row(""), start=ROWS),
    "csv one unclosed quote": Parser(csv, "A#,n,c\n", row('A,"n,c\n'), start=ROWS),
    "csv doubled quotes": Parser(csv, '""\n', row('A,"n')),
    "csv single quotes": Parser(csv, ",'c#'", "'sku','name','category'", "\n'A','n','c'\n"),
    "csv delimiters": Parser(csv, ",;\t|", HEAD, "\nA,n,c\n"),
    "csv blank lines": Parser(csv, "\n", row("")),
    "csv bytes of no encoding": Parser(csv, "A#,\udce4\udc81,c\n", row(""), start=ROWS),
    "csv refused rows": Parser(csv, "A#,n,c,#,x\n", HEAD + ",_row,_reason\n", start=ROWS),
    "jsonl lines": Parser(lines, json.dumps(ITEM).replace("A", "A#") + "\n", start=ROWS),
    "jsonl members": Parser(lines, '"c#": 1,', "{", '"d": 1}'),
    "jsonl equal members": Parser(lines, '"c": 1,', "{", '"d": 1}'),
    "jsonl brackets": Parser(lines, "[", '{"a": '),
    "jsonl digits": Parser(lines, "9", '{"a": ', "}", start=LONG),
    "jsonl wrong lines": Parser(lines, '{"a\n', start=ROWS),
    "jsonl tags": Parser(lines, '"t#",', OPENED + ', "tags": [', '"t"]}'),
    "jsonl attributes": Parser(lines, '"c#": 1e308,', OPENED + ', "attributes": {', '"d": 1}}'),
    "json elements": Parser(array, json.dumps(ITEM).replace("A", "A#"), "[", "]", ",", start=ROWS),
    "json commas": Parser(array, ",", "[", "]", start=ROWS),
    "json pairs of brackets": Parser(array, "[]", '[{"a": ', "}]"),
    "json members of the document": Parser(array, '"c#": [1],', "{", '"data": [{}]}', start=ROWS),
    "json escapes": Parser(array, '\\"', '[{"a": "', '"}]', start=PIECES),
    "json backslashes": Parser(array, "\\\\", '[{"a": "', '"}]', start=PIECES),
    "json strings": Parser(array, '"a"', "[", "]", ",", start=ROWS),
    "body members": Parser(create, '"c#": 1,', "{", '"d": 1}'),
    "body equal members": Parser(create, '"c": 1,', "{", '"d": 1}', start=LONG),
    "body brackets": Parser(create, "[", '{"attributes": '),
    "body pairs of brackets": Parser(create, "{}", '{"attributes": [', "]}", ","),
    "body escapes": Parser(create, '\\"', '{"name": "', '"}', start=LONG),
    "body attributes": Parser(create, '"c#": 1,', OPENED + ', "attributes": {', '"d": 1}}'),
    "body large numbers": Parser(create, "1e308,", OPENED + ', "attributes": {"a": [', "1]}}"),
    "body small numbers": Parser(create, "1e-308,", OPENED + ', "attributes": {"a": [', "1]}}"),
    "body digits": Parser(create, "9", OPENED + ', "attributes": {"a": ', "}}", start=LONG),
    "body numbers of many digits": Parser(create, "9" * 4000 + ",", OPENED + ', "attributes": {"a": [', "1]}}", start=50),
    "body marks": Parser(create, MARKS, OPENED + ', "description": "a', '"}'),
    "body pairs of marks": Parser(create, "\u0f73", OPENED + ', "description": "a', '"}'),
    "body tags": Parser(create, '"t#",', OPENED + ', "tags": [', '"t"]}'),
    "body wrong tags": Parser(create, "1,", OPENED + ', "tags": [', "1]}"),
    "body member of a long name": Parser(create, "c", '{"', '": 1}', start=LONG),
    "merge patch members": Parser(patch, '"c#": null,', '{"attributes": {', '"d": 1}}'),
    "merge patch objects": Parser(patch, '"c#": {},', '{"attributes": {', '"d": 1}}'),
    "merge patch unknown members": Parser(patch, '"c#": null,', "{", '"d": 1}'),
    "merge patch depth": Parser(patch, '{"a":', '{"attributes": '),
    "merge patch tags": Parser(patch, '"t#",', '{"tags": [', '"t"]}'),
    "merge patch on as many members": Parser(patched, '"c#": {"a": 1, "b": null},', "{", '"d": 1}'),
    "batch operations": Parser(batch, '{"action": "create", "item": ' + json.dumps(ITEM) + "}", BATCH, "]}", ",", start=ROWS),
    "batch empty operations": Parser(batch, "{}", BATCH, "]}", ","),
    "batch wrong operations": Parser(batch, '{"action": "create", "item": {"c#": 1}}', BATCH, "]}", ",", start=ROWS),
    "batch unknown members": Parser(batch, '"c#": 1,', BATCH + '{"action": "create", "item": {', '"d": 1}}]}'),
    "batch action": Parser(batch, "x", BATCH + '{"action": "', '"}]}', start=LONG),
    "login marks": Parser(login, MARKS, '{"email": "a@example.com", "password": "', '"}'),
    "query parameters": Parser(query, "name=x&"),
    "query unknown parameters": Parser(query, "p#=x&"),
    "query filters": Parser(query, "name[ne]=#&"),
    "query brackets": Parser(query, "name[", "", "=x"),
    "query percents": Parser(query, "%41", "name="),
    "query marks": Parser(query, "%CC%81%CC%A3", "name=a"),
    "filter members": Parser(query, "x#,", "status[in]="),
    "filter escapes": Parser(query, "\\,", "name[in]="),
    "filter backslashes": Parser(query, "\\", "name[in]="),
    "filter digits": Parser(query, "9", "price[gt]=", "&currency=EUR"),
    "sort": Parser(query, "-name,", "sort="),
    "search": Parser(query, "x+", "q="),
    "fields": Parser(read_query, "name,id#,", "fields="),
    "fields parameters": Parser(read_query, "fields=id&"),
    "cursor": Parser(cursor, "LFtb", OF_LIST, start=ROWS),
    "cursor brackets": Parser(cursor, "LFtb", OF_LIST, "==", start=ROWS),
    "cursor beyond the limit": Parser(cursor, "LFtb", OF_LIST),
    "cursor of nothing": Parser(cursor, "W1tb"),
    "if-match": Parser(expected_version, '"v1-json1", '),
    "if-match versions": Parser(expected_version, '"v#-json1"', separator=","),
    "if-match spaces": Parser(expected_version, " ", '"v1-json1"', "x"),
    "if-match quotes": Parser(expected_version, '"'),
    "if-match empty elements": Parser(expected_version, " ,"),
    "json of a plain route, digits": Parser(strict, "9" * 999 + ",", "[", "1e100]"),
    "json of a plain route, exponents": Parser(strict, "1e1000,", "[", "1]"),
    "if-none-match": Parser(lambda text: matches(text, '"v1-json1"'), 'W/"v1-json1",'),
    "accept-language": Parser(preferred, "de;q=0.1,"),
    "accept-language parameters": Parser(preferred, ";q=0.1", "de"),
    "idempotency-key": Parser(idempotency_key, "a"),
    "idempotency-key quotes": Parser(idempotency_key, '"'),
    "content-type": Parser(lambda text: canonical("text/csv" + text), "; charset"),
    "content-type spaces": Parser(lambda text: canonical("text/csv" + text), " ", ";", "x"),
    "user-agent": Parser(lambda text: device_id(USER, text, "10.0.0.1"), "1."),
    "x-request-id": Parser(lambda text: valid_request_id(text.encode()), "a-"),
    "traceparent": Parser(lambda text: parent_of(text.encode()), "0-"),
    "tracestate": Parser(tracestate_of, "k#=v,"),
    "tracestate of one member": Parser(tracestate_of, "a", "k=", " "),
    "baggage": Parser(baggage_of, "k#=v,"),
    "x-forwarded-for": Parser(client_address, "10.0.0.1, "),
    "x-forwarded-for of one address": Parser(client_address, "1"),
    "x-forwarded-for lines": Parser(header_lines, "10.0.0.1\n"),
    "forwarded": Parser(client_address, 'for="[2001:db8::1]";', "", ""),
    "forwarded spaces": Parser(client_address, " ;", "for"),
    "forwarded quotes": Parser(client_address, ';for="'),
    "forwarded escapes": Parser(client_address, '\\"', '"y'),
    "forwarded strings": Parser(client_address, '"a,";', "for=1.2.3.4, "),
    "host": Parser(lambda text: Hosts(["*.example.com"]).refused([text.encode()], b"/", required=True), "a."),
    "target": Parser(lambda text: authority_of(text.encode()), "a:", "http://"),
    "request line": Parser(lambda text: refused_line(text.encode()), "a ", "GET "),
    "connection: header fields": Parser(connected, "X-#: a\r\n", GET, "\r\n"),
    "connection: length of a header": Parser(dripped, "a", GET + "X: ", "\r\n\r\n"),
    "connection: request line": Parser(dripped, "a", "GET /", " HTTP/1.1\r\nHost: a\r\n\r\n"),
    "connection: chunks of one byte": Parser(connected, "1\r\nx\r\n", POST, "0\r\n\r\n"),
    "connection: chunk extensions": Parser(connected, ";a=b", POST + "1", "\r\nx\r\n0\r\n\r\n"),
    "connection: pipelined requests": Parser(connected, GET + "\r\n"),
    "path": Parser(lambda text: ROUTES.find("GET", text), "items/", "/api/v1/"),
    "path of a problem": Parser(problem, "é/"),
    "form": Parser(form, "a#=b&", "grant_type=password&"),
    "form percents": Parser(form, "%41", "grant_type=password&username="),
    "access token": Parser(lambda text: TOKENS.verify(text.encode()), "e30."),
    "link token": Parser(lambda text: LINKS.open("p", text), "AAAA"),
    "password": Parser(scored, "4@1!|a#"),
    "e-mail local part": Parser(EmailAddress.parse, "a.", "", "@example.com"),
    "e-mail domain": Parser(EmailAddress.parse, "a-a.", "a@", "!"),
    "e-mail at signs": Parser(EmailAddress.parse, "a@"),
    "e-mail marks": Parser(EmailAddress.parse, MARKS, "a", "@example.com"),
    "slug": Parser(Slug.parse, "a-"),
    "slug marks": Parser(Slug.parse, MARKS, "a"),
    "money": Parser(lambda text: Money.parse(text, "EUR"), "9"),
    "decimal": Parser(lambda text: plain_decimal(text, "price", comma=True), "1.000"),
    "text marks": Parser(lambda text: NAME.parse(text, "/name"), MARKS, "a"),
    "text pairs of marks": Parser(lambda text: NAME.parse(text, "/name"), "\u0f73", "a"),
    "text ignorable": Parser(lambda text: SKU.parse(text, "/sku"), "\u200b", "a"),
    "text marks between ignorable": Parser(lambda text: SKU.parse(text, "/sku"), MARKS + "\u200b", "a"),
    "key": Parser(key, MARKS, "a"),
    "normalized": Parser(normalized, MARKS, "a"),
    "template value dots": Parser(harmless, "a."),
    "template value quotes": Parser(harmless, '"'),
    "template value marks": Parser(harmless, MARKS, "a"),
    "template value ligatures": Parser(harmless, "\ufdfa."),
    "mapping templates": Parser(composed, "{c#}-"),
    "mapping of one column": Parser(composed, "{c}"),
    "mapping open braces": Parser(composed, "{"),
    "mapping brackets": Parser(composed, "[0]"),
    "dialect": Parser(lambda text: Dialect.parse({"items": text}), "a."),
}
