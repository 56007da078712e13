"""The client of an API for Python, a package with types: what `api-base openapi python` writes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from api_base.core.errors import ConfigurationError
from api_base.generating.clients.document import JSON, Body, Json, Operation, Parameter, kinds, operations
from api_base.generating.clients.python_types import MODELS, keyed, models, quoted, type_of

_RUNTIME: Final = Path(__file__).with_name("runtime")
_IMPORTED: Final = "from api_base.generating.clients.runtime."
_PREFIX: Final = f"{MODELS}."
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
MEMBERS: Final = frozenset({"close", "elements", "problems", "send", "token"})
"""What a client has beside its groups of operations."""
_FORM: Final = "application/x-www-form-urlencoded"
_PYPROJECT: Final = """[project]
name = {distribution}
version = {version}
description = {description}
requires-python = ">=3.12"
dependencies = ["httpx2>=2"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = [{package}]
"""


def python_client(document: Json, package: str) -> Mapping[str, str]:
    """Return the files of the client, by their paths. Raises `ConfigurationError` if `package` is no name for a package."""
    if not _NAME.fullmatch(package):
        raise ConfigurationError(f"{package!r} is no name for a package. Write lower-case letters, digits and _, such as shop_client.")
    found = operations(document)
    info = document["info"]
    return {
        "pyproject.toml": _PYPROJECT.format(
            distribution=json.dumps(package.replace("_", "-")),
            version=json.dumps(str(info["version"])),
            description=json.dumps(f"Client of {info['title']}"),
            package=json.dumps(package),
        ),
        f"{package}/__init__.py": _exports(info["title"], document),
        f"{package}/client.py": _clients(found),
        f"{package}/models.py": models(
            document, {_body_name(one): one.body.schema for one in found if one.body is not None and _unnamed(one.body)}
        ),
        f"{package}/problems.py": _problems(document),
        f"{package}/py.typed": "",
        **{
            f"{package}/runtime/{path.name}": path.read_text("utf-8").replace(_IMPORTED, "from .") for path in sorted(_RUNTIME.glob("*.py"))
        },
    }


def _exports(title: str, document: Json) -> str:
    problems = sorted(map(_problem_name, kinds(document)))
    names = ["Answer", "AsyncClient", "Client", "NotModified", "Problem", "Retries", "Unanswered", "Violation"]
    return "\n".join(
        [
            f'"""Client of {quoted(title)}."""',
            "",
            "from .client import AsyncClient, Client",
            *([f"from .problems import {', '.join(problems)}"] if problems else []),
            "from .runtime.answers import Answer, NotModified, Problem, Unanswered, Violation",
            "from .runtime.requests import Retries",
            "",
            f"__all__ = {json.dumps(sorted([*names, *problems]))}",
            "",
        ]
    )


def _problem_name(kind: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"\W+", kind)) + "Problem"


def _problems(document: Json) -> str:
    found = kinds(document)
    classes = [f'class {_problem_name(kind)}(Problem):\n    """A problem of the kind {kind}."""\n\n' for kind in found]
    table = ["PROBLEMS: dict[str, type[Problem]] = {", *(f"    {json.dumps(kind)}: {_problem_name(kind)}," for kind in found), "}"]
    return "\n".join(['"""The kinds of problems."""', "", "from .runtime.answers import Problem", "", "", *classes, *table, ""])


def _clients(found: Sequence[Operation]) -> str:
    tags = sorted({one.tag for one in found})
    lines = [
        '"""The operations of the API, in a group for each tag."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import AsyncIterator, Iterator, Mapping",
        "from typing import Any, Literal, cast, overload",
        "",
        f"from . import {MODELS}",
        "from .problems import PROBLEMS",
        "from .runtime.answers import Answer",
        "from .runtime.requests import Call",
        "from .runtime.sending import AsyncioClient, SyncClient",
        "",
    ]
    for tag in tags:
        lines += ["", *_group(tag, [one for one in found if one.tag == tag], asynchronous=False)]
        lines += ["", *_group(tag, [one for one in found if one.tag == tag], asynchronous=True)]
    for asynchronous, name, base in ((False, "Client", "SyncClient"), (True, "AsyncClient", "AsyncioClient")):
        lines += ["", f"class {name}({base}):", f'    """{"The same for asyncio" if asynchronous else "The operations of the API"}."""', ""]
        lines += ["    problems = PROBLEMS", ""]
        for tag in tags:
            lines += ["    @property", f"    def {_attribute(tag)}(self) -> {_group_name(tag, asynchronous)}:", f'        """{tag}"""']
            lines += [f"        return {_group_name(tag, asynchronous)}(self)", ""]
    return "\n".join(lines)


def _attribute(tag: str) -> str:
    return f"{tag}_" if tag in MEMBERS else tag


def _group_name(tag: str, asynchronous: bool) -> str:
    return f"{'Async' if asynchronous else ''}{''.join(part.capitalize() for part in tag.split('_'))}Operations"


def _group(tag: str, found: Sequence[Operation], *, asynchronous: bool) -> Iterator[str]:
    yield f"class {_group_name(tag, asynchronous)}:"
    yield f'    """The operations of {tag}."""'
    yield ""
    yield f"    def __init__(self, client: {'AsyncioClient' if asynchronous else 'SyncClient'}) -> None:"
    yield "        self._client = client"
    yield ""
    for one in found:
        yield from _Method(one, asynchronous=asynchronous).lines()


class _Method:
    """The text of the method of one operation, and of the one that reads all pages."""

    def __init__(self, operation: Operation, *, asynchronous: bool) -> None:
        self._of, self._asynchronous = operation, asynchronous
        self._head, self._wait = ("async def", "await ") if asynchronous else ("def", "")

    def lines(self) -> Iterator[str]:
        of = self._of
        result = self._result(of.result)
        if of.sparse is not None:
            yield "    @overload"
            yield f"    {self._head} {of.name}({self._signature(fields='None')}) -> Answer[{result}]: ..."
            yield "    @overload"
            yield f"    {self._head} {of.name}({self._signature(fields='str')}) -> Answer[{self._result(of.sparse)}]: ..."
            result = "Any"
        yield f"    {self._head} {of.name}({self._signature()}) -> Answer[{result}]:"
        yield f'        """{_text(of)}"""'
        yield f"        return {self._wait}self._client.send({self._call()})"
        yield ""
        if of.element is not None:
            yield from self._pages()

    def _pages(self) -> Iterator[str]:
        of = self._of
        element = type_of(of.element or {}, _PREFIX)
        iterator = "AsyncIterator" if self._asynchronous else "Iterator"
        yield f"    def {_pages_name(of.name)}({self._signature(without={'cursor', 'fields', 'include_total'})}) -> {iterator}[{element}]:"
        yield f'        """{_text(of)} Reads all pages, one after another."""'
        yield f'        return cast("{iterator}[{element}]", self._client.elements({self._call(without={"cursor", "fields", "include_total"})}))'
        yield ""

    def _result(self, schema: Json | None) -> str:
        of = self._of
        return "None" if of.media_type is None else type_of(schema or {}, _PREFIX) if of.media_type == JSON else "bytes"

    def _signature(self, fields: str = "", without: frozenset[str] | set[str] = frozenset()) -> str:
        of = self._of
        shown = [one for one in of.parameters if one.wire not in without]
        named = ["self", *(f"{one.name}: {_accepted(one)}" for one in shown if one.place == "path")]
        if of.body is not None:
            kind = _body_type(of, of.body)
            named.append(f"body: {kind}" if of.body.needed else f"body: {kind} | None = None")
        rest = []
        for one in shown:
            if one.place == "path":
                continue
            if one.wire == "fields" and fields:
                rest.append("fields: None = None" if fields == "None" else f"fields: {_accepted(one)}")
            else:
                rest.append(f"{one.name}: {_accepted(one)}" if one.required else f"{one.name}: {_accepted(one)} | None = None")
        if of.keyed:
            rest.append("idempotency_key: str | None = None")
        return ", ".join([*named, *(["*", *rest] if rest else [])])

    def _call(self, without: frozenset[str] | set[str] = frozenset()) -> str:
        of = self._of
        given = [json.dumps(of.method), json.dumps(of.path)]
        for place, name in (("path", "places"), ("query", "query"), ("header", "headers")):
            if pairs := [f"{json.dumps(one.wire)}: {one.name}" for one in of.parameters if one.place == place and one.wire not in without]:
                given.append(f"{name}={{{', '.join(pairs)}}}")
        if of.body is not None:
            given.append({JSON: "json=body", _FORM: "form=cast('Mapping[str, object]', body)"}.get(of.body.media_type, "content=body"))
            if of.body.media_type not in {JSON, _FORM}:
                given.append(f"content_type={json.dumps(of.body.media_type)}")
        if of.keyed:
            given.append("keyed=True, idempotency_key=idempotency_key")
        if of.media_type not in {JSON, None}:
            given.append(f"accepts={json.dumps(of.media_type)}")
        return f"Call({', '.join(given)})"


def _unnamed(body: Body) -> bool:
    """Whether the body is an object that is described where it is used, such as the filters of a QUERY."""
    return body.media_type == JSON and bool(body.schema.get("properties"))


def _body_name(of: Operation) -> str:
    return "".join(part.capitalize() for part in of.name.split("_")) + "Content"


def _pages_name(name: str) -> str:
    """
    >>> _pages_name("list_items"), _pages_name("search")
    ('iter_items', 'iter_search')
    """
    return f"iter_{name.removeprefix('list_')}"


def _body_type(of: Operation, body: Body) -> str:
    if _unnamed(body):
        return _PREFIX + _body_name(of)
    return type_of(body.schema, _PREFIX) if body.media_type in {JSON, _FORM} else "bytes"


def _accepted(one: Parameter) -> str:
    """Return the type of a parameter. A filter is a value, or one for each operator: a list for `in`."""
    if one.place == "header":
        return "str"
    properties: Json = one.schema.get("properties", {})
    if one.schema.get("type") == "object" and properties:
        return f"str | {keyed(properties, _PREFIX, 'list[str]')}"
    return type_of(one.schema, _PREFIX)


def _text(of: Operation) -> str:
    return quoted(f"{of.summary}: {of.method} {of.path}.{' Deprecated.' if of.deprecated else ''}")
