"""A collection for Bruno: a folder of text files in its format [docs.usebruno.com, Bru language], which a repository can hold; `bru` runs it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from api_base.interface.openapi.collections import EMAIL, TOKEN, URL, Call, calls, first_steps, text_of, variables

type Json = dict[str, Any]

ENVIRONMENT: Final = "local"
_BODIES: Final = {"application/json": "json", "application/x-www-form-urlencoded": "formUrlEncoded"}
_STRANGE: Final = re.compile(r"[^A-Za-z0-9 ,()'_-]+")
"""What a name of a file on any system does not have."""


def bruno_collection(document: Json, url: str) -> Mapping[str, str]:
    """Return the files of the collection of an OpenAPI document, by their paths. `url` is that of the server."""
    found = calls(document)
    files = {
        "bruno.json": json.dumps({"version": "1", "name": document["info"]["title"], "type": "collection"}, indent=2) + "\n",
        f"environments/{ENVIRONMENT}.bru": _block("vars", (f"{name}: {value}" for name, value in variables(url).items())),
    }
    numbers: dict[str, int] = {}
    for one in [*first_steps(found), *found]:
        numbers[one.folder] = numbers.get(one.folder, 0) + 1
        files[f"{_named(one.folder)}/{numbers[one.folder]:02} {_named(one.name)}.bru"] = _file(one, numbers[one.folder])
    return files


def _file(one: Call, number: int) -> str:
    media_type, example = one.body or ("", None)
    kind = _BODIES.get(media_type, "text") if one.body else "none"
    path = re.sub(r"\{(\w+)\}", r":\1", one.path)
    blocks = [
        _block("meta", (f"name: {one.name}", "type: http", f"seq: {number}")),
        _block(one.method.lower(), (f"url: {{{{{URL}}}}}{path}", f"body: {kind}", f"auth: {'bearer' if one.authenticated else 'none'}")),
        _block("params:query", _pairs(one.query)),
        _block("params:path", (f"{name}: " for name in re.findall(r"\{(\w+)\}", one.path))),
        _block("headers", _pairs(one.headers)),
        _block("auth:bearer", (f"token: {{{{{TOKEN}}}}}",) if one.authenticated else ()),
    ]
    if kind == "formUrlEncoded" and isinstance(example, Mapping):
        blocks.append(_block("body:form-urlencoded", (f"{name}: {value}" for name, value in example.items())))
    elif one.body:
        blocks.append(_block(f"body:{kind}", text_of(example).splitlines()))
    blocks += [
        _block("assert", (f"res.status: eq {one.status}",) if one.checked else ()),
        _block("script:pre-request", (f'bru.setVar("{EMAIL}", `ana-${{Date.now()}}@example.com`);',) if one.sets_email else ()),
        _block("script:post-response", (f'bru.setVar("{TOKEN}", res.body.access_token);',) if one.keeps_token else ()),
    ]
    return "\n".join(block for block in blocks if block)


def _pairs(named: Iterable[tuple[str, str, bool]]) -> list[str]:
    return [f"{'' if required else '~'}{name}: {value}" for name, value, required in named]


def _block(name: str, lines: Iterable[str]) -> str:
    """Return a block of the format; nothing without lines."""
    inside = "".join(f"  {line}\n" for line in lines)
    return f"{name} {{\n{inside}}}\n" if inside else ""


def _named(text: str) -> str:
    return _STRANGE.sub("-", text).strip()
