"""The arguments of a tool: their JSON Schema, and the message that they make, with the rules and the sentences of HTTP bodies."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, Final, cast, get_type_hints
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from pydantic import Field, ValidationError, create_model

from api_base.application.common.cqrs import Command, Message
from api_base.application.common.listing import MAX_LIMIT, ListRequest
from api_base.core.errors import Invalid, ProgrammingError, Violation
from api_base.core.protocols import Isolation
from api_base.core.types import request_tenant
from api_base.core.types.idempotency_keys import MAX_KEY_LENGTH
from api_base.interface.errors.handlers import invalid_body
from api_base.interface.listing import list_request
from api_base.interface.mcp.declared import Tool
from api_base.interface.routes.unknown_members import refuse_many
from api_base.interface.v1.bodies import Body

DRY_RUN: Final = "dry_run"
KEY: Final = "idempotency_key"
_LIST: Final = ("filter", "sort", "limit", "cursor", "include_total", "q")
_PARTS: Final = re.compile(r"^/(?:body|query|path)(?=/|$)")


class Arguments:
    """Reads the arguments of `tool`. Raises `ProgrammingError` for a message that they cannot make."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self._hints = get_type_hints(tool.message, include_extras=True)
        own = [one for one in fields(cast("Any", tool.message)) if one.name != tool.tenant and one.name not in self._from_body()]
        self._lists = tool.listing is not None
        self._own = [one for one in own if not (self._lists and self._hints[one.name] is ListRequest)]
        self.keyed = issubclass(tool.message, Command) and tool.message.isolation is not Isolation.NONE
        self._model = create_model(f"{tool.message.__name__}Arguments", __base__=tool.body or Body, **self._members())
        self.schema = self._schema()

    def _from_body(self) -> frozenset[str]:
        """The fields of the message that `body` provides: those without a member of the same name, and those with one."""
        tool = self._tool
        if tool.body is None:
            return frozenset()
        simple = {name for name, hint in self._hints.items() if getattr(hint, "__supertype__", hint) in (UUID, int | None)}
        return frozenset(
            one.name for one in fields(cast("Any", tool.message)) if one.name not in simple or one.name in tool.body.model_fields
        )

    def _members(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for one in self._own:
            hint = Annotated[self._hints[one.name], Field(strict=False)] if self._hints[one.name] is not int else int
            default = ... if one.default is MISSING and one.default_factory is MISSING else one.default
            members[one.name] = (hint, default)
        if self._tool.listing is not None:
            names = {f"{f.name}[{o.value}]" for f in self._tool.listing for o in f.operators}
            conditions: dict[str, Any] = dict.fromkeys(sorted(names), (str | None, None))
            filters = create_model("Filter", __base__=Body, **conditions)
            described = (
                'Conditions, all of which an item meets, such as {"name[contains]": "chair"}; values of `in` are separated by commas.'
            )
            members["filter"] = (Annotated[filters | None, Field(description=described)], None)
            sortable = ", ".join(self._tool.listing.sortable)
            members["sort"] = (Annotated[str | None, Field(max_length=500, description=f"Fields, - for descending: {sortable}")], None)
            members["limit"] = (Annotated[int | None, Field(ge=1, le=MAX_LIMIT)], None)
            members["cursor"] = (Annotated[str | None, Field(description="`next_cursor` of the previous page.")], None)
            members["include_total"] = (bool, False)
            if self._tool.searchable:
                members["q"] = (Annotated[str | None, Field(max_length=500, description="Text to search for.")], None)
        if self.keyed:
            described = "Run everything, check every rule, and undo it: nothing is changed, sent or published."
            members[DRY_RUN] = (Annotated[bool, Field(description=described)], False)
            described = "A call with the same key and arguments is executed once, within 24 hours."
            members[KEY] = (Annotated[str | None, Field(pattern=rf"^[!-~]{{1,{MAX_KEY_LENGTH}}}$", description=described)], None)
        return members

    def _schema(self) -> dict[str, Any]:
        made = self._model.model_json_schema(mode="validation")
        made.pop("description", None)
        made.pop("title", None)
        return {"type": "object", "properties": {}, **made}

    def read(self, given: Mapping[str, Any]) -> tuple[Message[Any], bool, str | None]:
        """Return the message, whether it is a dry run, and the idempotency key. Raises `Invalid`."""
        try:
            refuse_many(given, self._model)
            read = self._model.model_validate_json(msgspec.json.encode(given))
        except ValidationError as error:
            raise located(invalid_body(error, given)) from None
        except Invalid as error:
            raise located(error) from None
        try:
            message = self._message(read, given)
        except Invalid as error:
            raise located(error) from None
        return message, getattr(read, DRY_RUN, False), getattr(read, KEY, None)

    def _message(self, read: Any, given: Mapping[str, Any]) -> Message[Any]:
        tool = self._tool
        values = {one.name: getattr(read, one.name) for one in self._own}
        if tool.tenant is not None:
            values[tool.tenant] = request_tenant()
        if tool.body is not None:
            body = tool.body.model_validate_json(msgspec.json.encode({k: v for k, v in given.items() if k in tool.body.model_fields}))
            values |= tool.fields(body) if tool.fields is not None else {name: getattr(body, name) for name in tool.body.model_fields}
        if tool.listing is not None:
            values["request"] = list_request(_query(read), tool.listing, searchable=tool.searchable)
        try:
            return tool.message(**values)
        except TypeError as error:
            raise ProgrammingError(f"The tool {tool.name} cannot make {tool.message.__name__}: {error}") from error


def _query(read: Any) -> bytes:
    """The query string of the same request over HTTP."""
    pairs = [] if read.filter is None else list(read.filter.sent().items())
    for name in _LIST[1:]:
        value = getattr(read, name, None)
        if value is not None and value is not False:
            pairs.append((name, "true" if value is True else str(value)))
    return urlencode([(name, value) for name, value in pairs if value is not None]).encode()


def located(error: Invalid) -> Invalid:
    """Return the violations with pointers into the arguments."""
    return Invalid([Violation(_PARTS.sub("", one.pointer), one.code, one.message) for one in error.violations])
