"""Public pages: a message with `public_of` touches tables with public rows, at a path with the slug of the tenant.

A query is for anybody, a command for those who are signed in: it writes rows of its own visitor.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import sqlalchemy as sa

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Command, Message, Registration
from api_base.bootstrap.declarations import Declarations
from api_base.bootstrap.touched_tables import named_by, touched_by
from api_base.core.errors import Fault
from api_base.core.protocols import Isolation
from api_base.core.shared import signatures
from api_base.core.shared.places import place_of
from api_base.core.types import request_tenant
from api_base.infrastructure.db.schema import DeclaredTable, Ownership, declared_at, ownership, public_rows
from api_base.interface.routes import RouteOptions

_SHARED: Final = re.compile(r"\b(public|s-maxage)\b")
"""Directives that let a shared cache answer others [RFC 9111, section 3.5]."""


def faults(declarations: Declarations) -> Iterator[Fault]:
    """Yield the faults of tables with public rows, then those of the messages that read them."""
    tables = {table.name: table for one in declarations.parts for table in one.context.tables if "ownership" in table.info}
    for table in tables.values():
        yield from _columns(table)
    for registration in declarations.sound_registrations:
        if registration.message.public_of is not None:
            place, name = place_of(registration.message), registration.message.__name__
            yield from (Fault(place, f"{name} {sentence}") for sentence in _message(registration.message, registration.message.public_of))
            yield from (Fault(place, f"{name} {sentence}") for sentence in _touches(registration, tables))


def _columns(table: DeclaredTable) -> Iterator[Fault]:
    rows = public_rows(table)
    if rows is None:
        return
    if rows.written and rows.own is None:
        sentence = f"The table {table.name!r} has visitors_write= without own=. Add the column with the id of the user whose row it is."
        yield Fault(declared_at(table), sentence)
    for column, kind, named in ((rows.published, sa.Boolean, "boolean"), (rows.own, sa.Uuid, "uuid")):
        if column is not None and (column not in table.columns or not isinstance(table.columns[column].type, kind)):
            sentence = f"The table {table.name!r} declares public rows by {column!r}, which is no {named} column. Add it, or name another."
            yield Fault(declared_at(table), sentence)


def _message(message: type[Message[object]], field: str) -> Iterator[str]:
    if field not in getattr(message, "__dataclass_fields__", {}) or signatures.hints(message).get(field) is not str:
        yield f"has public_of={field!r}, which is no field of it with the type str. Name the field with the slug of the tenant."
    if not issubclass(message, Command):
        if message.permission != PUBLIC:
            yield f"has public_of and the permission {message.permission!r}, which no visitor holds. Write permission = PUBLIC."
        return
    if message.permission != AUTHENTICATED:
        yield f"is a command with public_of and the permission {message.permission!r}. Visitors who write are signed in: write permission = AUTHENTICATED."
    if not message.limits:
        yield "is a command with public_of and without limits, so a stranger may write without end. Write limits = (Limit(…),)."
    if message.isolation is Isolation.NONE:
        yield "is a command with public_of and Isolation.NONE: in a visit it can execute no other command. Leave the isolation out."


def _touches(registration: Registration, tables: Mapping[str, DeclaredTable]) -> Iterator[str]:
    handler, touched = registration.handler, touched_by(registration.handler, tables)
    public = {name: rows for name in touched if (rows := public_rows(tables[name])) is not None}
    for name in touched:
        kind = ownership(tables[name])
        if kind is Ownership.SYSTEM:
            yield f"has public_of and reads {name}, which belongs to the system and has no policy. Read it in another message."
        elif kind is Ownership.TENANT and name not in public:
            yield f"has public_of and reads {name}, which has no public rows. Declare public=… or own=… with the table, and call ddl.publish."
    if issubclass(registration.message, Command) and public and not any(rows.written for rows in public.values()):
        yield f"is a command with public_of, but visitors do not write {' and '.join(public)}. Declare visitors_write=True with the table."
    if request_tenant in named_by(type(handler)):
        yield f"has public_of, but {type(handler).__name__} asks for request_tenant(), which visitors lack. Write readable_tenant()."


def of_route(message: type[Message[object]], route: str, path: str, options: RouteOptions | None) -> Iterator[str]:
    """Yield what is wrong with a route that names `message`. `options` are those of a route of a `Router`."""
    field, name = message.public_of, message.__name__
    if field is None:
        return
    if f"{{{field}}}" not in path:
        yield f"{route} names {name}, which has public_of={field!r}, but its path has no {{{field}}}. Write it, such as /tenants/{{{field}}}/…"
    if issubclass(message, Command):
        if options is not None and options.auth != "required":
            yield f"{route} names {name}, a command with public_of, and lets anonymous callers in. Leave auth= out of its RouteOptions."
        return
    if options is not None and options.auth == "required":
        yield f'{route} names {name}, which has public_of, but requires a token. Write RouteOptions(auth="optional").'
    if options is not None and options.auth != "ignored" and _SHARED.search(options.cache):
        yield (
            f"{route} names {name}, which has public_of, and lets shared caches keep {options.cache!r}, also what only one visitor may see. "
            'Write auth="ignored", or another cache.'
        )
