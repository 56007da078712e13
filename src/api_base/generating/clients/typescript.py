"""The client of an API for TypeScript, a package of modules without dependencies: what `api-base openapi typescript` writes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from api_base.core.errors import ConfigurationError
from api_base.generating.clients.document import JSON, Json, kinds, operations

_FOLDER: Final = Path(__file__).with_name("typescript")
_NAME: Final = re.compile(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*")


def typescript_client(document: Json, package: str) -> Mapping[str, str]:
    """Return the files of the client, by their paths: `npm install` and `npm run build` make the package.

    Raises `ConfigurationError` if `package` is no name for a package.
    """
    if not _NAME.fullmatch(package):
        raise ConfigurationError(f"{package!r} is no name for a package. Write a name such as shop-client or @shop/client.")
    return {
        "package.json": json.dumps(_package(document, package), indent=2) + "\n",
        "tsconfig.json": (_FOLDER / "tsconfig.json").read_text("utf-8"),
        "openapi.json": json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
        "src/client.ts": (_FOLDER / "client.ts").read_text("utf-8"),
        "src/operations.ts": _operations(document),
    }


def _package(document: Json, package: str) -> Json:
    exported = {"types": "./dist/client.d.ts", "default": "./dist/client.js"}
    return {
        "name": package,
        "version": str(document["info"]["version"]),
        "description": f"Client of {document['info']['title']}",
        "type": "module",
        "exports": {".": exported, "./schema": {"types": "./dist/schema.d.ts"}},
        "files": ["dist"],
        "engines": {"node": ">=20.3"},
        "scripts": {"build": "openapi-typescript openapi.json --default-non-nullable=false -o src/schema.ts && tsc"},
        "devDependencies": {"openapi-typescript": "^7.10.1", "typescript": "^5.9.3"},
    }


def _operations(document: Json) -> str:
    found = operations(document)
    keyed = sorted(f"{one.method} {one.path}" for one in found if one.keyed)
    files = sorted(f"{one.method} {one.path}" for one in found if one.media_type not in {JSON, None})
    bodies = {f"{one.method} {one.path}": one.body.media_type for one in found if one.body is not None and one.body.media_type != JSON}
    return "\n".join(
        [
            "/** The operations that take an Idempotency-Key. */",
            f"export const keyed: ReadonlySet<string> = new Set({json.dumps(keyed, indent=2)});",
            "",
            "/** The media types of bodies that are not JSON. */",
            f"export const bodies: Readonly<Record<string, string>> = {json.dumps(bodies, indent=2, sort_keys=True)};",
            "",
            "/** The operations whose result is a file. */",
            f"export const bytes: ReadonlySet<string> = new Set({json.dumps(files, indent=2)});",
            "",
            "/** The kinds of problems. A later version of the API may have more. */",
            f"export type Kind = {' | '.join([*map(json.dumps, kinds(document)), '(string & {})'])};",
            "",
        ]
    )
