"""A collection for Postman, in its format 2.1 [schema.getpostman.com/json/collection/v2.1.0]; newman runs it."""

from collections.abc import Sequence
from typing import Any, Final

from api_base.interface.openapi.collections import EMAIL, TOKEN, URL, Call, calls, first_steps, text_of, variables

type Json = dict[str, Any]

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_NO_AUTH: Final = {"type": "noauth"}


def postman_collection(document: Json, url: str) -> Json:
    """Return the collection of an OpenAPI document. `url` is that of the server."""
    found = calls(document)
    folders: dict[str, list[Json]] = {}
    for one in [*first_steps(found), *found]:
        folders.setdefault(one.folder, []).append(_item(one))
    return {
        "info": {"name": document["info"]["title"], "description": document["info"].get("description", ""), "schema": SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{TOKEN}}}}}", "type": "string"}]},
        "variable": [{"key": name, "value": value} for name, value in variables(url).items()],
        "item": [{"name": name, "item": items} for name, items in folders.items()],
    }


def _item(one: Call) -> Json:
    segments = [f":{part[1:-1]}" if part.startswith("{") else part for part in one.path.strip("/").split("/")]
    query = [{"key": name, "value": value, "disabled": not required} for name, value, required in one.query]
    request: Json = {
        "method": one.method,
        "header": [{"key": name, "value": value, "disabled": not required} for name, value, required in one.headers],
        "url": {
            "raw": "/".join([f"{{{{{URL}}}}}", *segments]),
            "host": [f"{{{{{URL}}}}}"],
            "path": segments,
            "query": query,
            "variable": [{"key": part[1:], "value": ""} for part in segments if part.startswith(":")],
        },
    }
    if not one.authenticated:
        request["auth"] = _NO_AUTH
    if one.body is not None:
        request["body"] = _body(*one.body)
    return {"name": one.name, "request": request, "event": _events(one)}


def _body(media_type: str, example: Any) -> Json:
    if media_type == "application/x-www-form-urlencoded":
        return {"mode": "urlencoded", "urlencoded": [{"key": name, "value": str(value)} for name, value in example.items()]}
    return {"mode": "raw", "raw": text_of(example), "options": {"raw": {"language": "json" if "json" in media_type else "text"}}}


def _events(one: Call) -> list[Json]:
    before: list[str] = []
    after: list[str] = []
    if one.sets_email:
        before.append(f'pm.collectionVariables.set("{EMAIL}", `ana-${{Date.now()}}@example.com`);')
    if one.checked:
        after.append(f'pm.test("the status is {one.status}", () => pm.response.to.have.status({one.status}));')
    if one.keeps_token:
        after.append(f'pm.collectionVariables.set("{TOKEN}", pm.response.json().access_token);')
    return [*_event("prerequest", before), *_event("test", after)]


def _event(listen: str, lines: Sequence[str]) -> list[Json]:
    return [{"listen": listen, "script": {"type": "text/javascript", "exec": list(lines)}}] if lines else []
