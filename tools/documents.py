"""The documents that are made from the code: `make docs` writes them, a test compares.

They stand in the repository so that a change of the API, a setting or a problem is seen in review, and happens deliberately.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from api_base import __version__
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.wiring_check.events import named_events
from api_base.core.base import DomainEvent
from api_base.core.config import Settings
from api_base.interface.errors import pages
from api_base.interface.events_router import CLOUD_EVENT, ENVELOPE, asyncapi, data_schema
from api_base.interface.openapi.compatibility import changes
from api_base.operations.configuration_page import page as configuration_page
from tools import privileges, request_path
from tools.adapters_page import page as adapters_page
from tools.compatible import IncompatibleError, check
from tools.graphql_schema import check_schema, schema_text
from tools.llms_page import page as llms_page
from tools.public_page import page as public_page

ROOT: Final = Path(__file__).parents[1]
PROBLEMS: Final = "docs/problems"
EVENT_SCHEMAS: Final = "docs/events"
SCHEMA: Final = "docs/schema.graphql"
OPENAPI: Final = "docs/openapi"
EVENTS: Final[tuple[type[DomainEvent], ...]] = tuple(event for context in BUILT_IN for event in named_events(context))


def documents() -> Mapping[str, str]:
    """Every generated document: its path from the repository's root, and what it says."""
    return {
        "docs/adapters.md": adapters_page(),
        "docs/configuration.md": configuration_page(Settings),
        **{f"{OPENAPI}/v{number}.json": openapi(number) for number in versions()},
        "docs/public.md": public_page(),
        "llms.txt": llms_page(),
        SCHEMA: schema_text(),
        "docs/asyncapi.json": _json(asyncapi(Settings.model_fields["app_name"].default, __version__, EVENTS)),
        f"{EVENT_SCHEMAS}/{ENVELOPE}.json": _json(CLOUD_EVENT),
        **{f"{EVENT_SCHEMAS}/{event.name}.json": _json(data_schema(event)) for event in EVENTS},
        **{f"{PROBLEMS}/{kind}.md": pages.page(kind) for kind in pages.KINDS},
    }


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def versions() -> Sequence[int]:
    """The versions of the API."""
    return range(1, max((change.version.number for context in BUILT_IN for change in context.changes), default=1) + 1)


def openapi(version: int) -> str:
    """What `api-base openapi` prints of a version when nothing is configured. Raises `CalledProcessError` with what it said."""
    unset = {name: value for name, value in os.environ.items() if name.partition("__")[0].lower() not in Settings.model_fields}
    with tempfile.TemporaryDirectory() as home:  # where the command makes its development keys, and finds no .env
        command = [sys.executable, "-m", "api_base.cli", "openapi", "--version", str(version)]
        return subprocess.run(command, cwd=home, env=unset, check=True, stdout=subprocess.PIPE, text=True).stdout


def stored() -> Mapping[str, str]:
    """The generated documents as they stand in the repository, those that no longer belong there included."""
    alone = ("adapters.md", "configuration.md", "public.md", "asyncapi.json", "schema.graphql")
    files = [
        ROOT / "llms.txt",
        *(ROOT / "docs" / name for name in alone),
        *sorted((ROOT / PROBLEMS).glob("*.md")),
        *sorted((ROOT / EVENT_SCHEMAS).glob("*.json")),
        *sorted((ROOT / OPENAPI).glob("*.json")),
    ]
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files if file.exists()}


def check_events(before: Mapping[str, str]) -> None:
    """Raises `IncompatibleError` for an event that readers of its schema in `before` can no longer read."""
    known = {f"{EVENT_SCHEMAS}/{event.name}.json": event for event in EVENTS}
    for path, kept in before.items():
        if path in known:
            check(json.loads(kept), data_schema(known[path]))


def check_contracts(before: Mapping[str, str], made: Mapping[str, str]) -> None:
    """Raises `IncompatibleError` for an event that is gone, and for a GraphQL schema or an OpenAPI document that breaks clients of those in `before`."""
    if removed := [path for path in before if path.startswith(EVENT_SCHEMAS) and path not in made]:
        raise IncompatibleError(f"{removed[0]} is of an event that others subscribe to. If nobody does: make docs BREAKING=1.")
    if SCHEMA in before:
        check_schema(before[SCHEMA], made[SCHEMA])
    for path in [path for path in before if path.startswith(OPENAPI)]:
        if path not in made:
            raise IncompatibleError(f"{path} is of a version that clients use. If it has ended: make docs BREAKING=1.")
        if broken := [one for one in changes(json.loads(before[path]), json.loads(made[path])) if one.breaking]:
            listed = "; ".join(f"{one.operation}: {one.text}" for one in broken)
            raise IncompatibleError(f"{path} would break clients: {listed}. If it is deliberate: make docs BREAKING=1.")


def write() -> None:
    """Bring the repository up to date, and name what changed. Raises `IncompatibleError`, and writes nothing, for an event that has
    changed within its version, and for a GraphQL schema or an OpenAPI document that breaks clients, unless BREAKING is set."""
    made, before = documents(), stored()
    check_events(before)
    if "BREAKING" not in os.environ:
        check_contracts(before, made)
    for path in before.keys() - made.keys():
        (ROOT / path).unlink()
        print(f"removed {path}")
    for path, text in made.items():
        if before.get(path) != text:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    request_path.write()
    privileges.write()


if __name__ == "__main__":
    write()
