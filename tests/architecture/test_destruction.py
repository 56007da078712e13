"""What deletes or overwrites is reviewed: every call that could destroy stored data is in a list, with the reason why it does not."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FOLDERS: Final = ("src", "tools", "examples")
CALLS: Final = {"rmtree", "unlink", "rmdir", "removedirs", "truncate", "ftruncate", "write_text", "write_bytes", "copyfile", "copy2"}
OF_PATHS: Final = {"replace", "rename", "renames"}
"""With one argument, or in `os`. `str.replace`, `dataclasses.replace` and methods of aggregates take others."""
QUALIFIED: Final = {"os.remove", "shutil.move"}
OVERWRITES: Final = re.compile(r"[bt]*w[bt+]*|r[bt]?\+[bt]?")
"""Modes of `open` that do not append."""
STATEMENT: Final = re.compile(r"\b(drop (?:table|schema|database|owned|role)\b|truncate(?: table)? (?:only )?[a-z_.]+;?$)", re.IGNORECASE)

TEMPORARY: Final = "a temporary file or directory that the same function created"
GENERATED: Final = "a generated file of this repository, under version control"
REVIEWED: Final = {
    ("examples/films_csv.py", "open"): "the file that its argument names",
    ("src/api_base/application/services/feature_flags/current.py", "replace"): "the snapshot of flags in memory",
    ("src/api_base/cli/database_tools.py", "replace"): "the file that `db dump` names, by a complete dump",
    ("src/api_base/cli/database_tools.py", "unlink"): TEMPORARY,
    ("src/api_base/cli/database_tools.py", "drop schema"): "`db restore` only, in one transaction with the dump that replaces it",
    ("src/api_base/cli/openapi.py", "replace"): "files of a client, in a folder that the same command wrote, or that was empty",
    ("src/api_base/cli/openapi.py", "write_text"): "files of a folder that is empty, or that the same function makes",
    ("src/api_base/generating/origin.py", "copy2"): "the wheel of a version, under its name, into the folder of wheels",
    ("src/api_base/generating/project.py", "rename"): "a complete project, to a name that nothing has, or an empty folder",
    ("src/api_base/generating/project.py", "rmtree"): TEMPORARY,
    ("src/api_base/generating/staging.py", "replace"): "code of a project, unchanged since it was read, by the text that was made of it",
    ("src/api_base/generating/staging.py", "unlink"): TEMPORARY,
    ("src/api_base/generating/staging.py", "write_text"): "a copy of the code, and temporary files",
    ("src/api_base/generating/record.py", "write_text"): "files of a project that is not complete yet, and of temporary folders",
    ("src/api_base/infrastructure/audit/checkpoints.py", "rename"): "to a name that contains a position; each position is written once",
    ("src/api_base/infrastructure/audit/migrations/001_create_audit.py", "drop table"): "months past retention, sealed and signed",
    ("src/api_base/infrastructure/auth/keys.py", "unlink"): TEMPORARY,
    ("src/api_base/infrastructure/db/embedded/binaries.py", "copy2"): "into the copy of the programs, which contains no data",
    ("src/api_base/infrastructure/db/embedded/binaries.py", "rmtree"): "an incomplete copy of the programs, which contains no data",
    ("src/api_base/infrastructure/db/embedded/cluster.py", "rename"): "what is no cluster gets a new name, and a new cluster its place",
    ("src/api_base/infrastructure/db/embedded/cluster.py", "rmdir"): "removes empty directories only",
    ("src/api_base/infrastructure/db/embedded/cluster.py", "unlink"): TEMPORARY,
    ("src/api_base/infrastructure/db/embedded/orphan.py", "unlink"): "pid file, socket and lock of a server that has ended",
    ("src/api_base/infrastructure/db/embedded/state_files.py", "os.open"): "a temporary file, named after the process",
    ("src/api_base/infrastructure/db/embedded/state_files.py", "replace"): "the state files, of which the newest counts",
    ("src/api_base/infrastructure/db/embedded/state_files.py", "unlink"): "the record of a running server, which has ended",
    ("src/api_base/infrastructure/events/migrations/001_create_events.py", "drop table"): "days past retention",
    (
        "src/api_base/infrastructure/importing/refused.py",
        "truncate",
    ): "rows of a resumed import that are written again",
    ("src/api_base/infrastructure/importing/refused.py", "rename"): "to a name that nothing has",
    ("src/api_base/infrastructure/flags/snapshot.py", "replace"): "the snapshot of flags in memory",
    ("src/api_base/infrastructure/importing/refused.py", "unlink"): "an empty file of refused rows",
    ("src/api_base/infrastructure/observability/counters.py", "ftruncate"): "enlarges a file that the same function created",
    ("src/api_base/infrastructure/rate_limit/shared.py", "ftruncate"): "enlarges a file that is empty",
    ("src/api_base/testing/databases.py", "drop database"): "a database that a test made, on the server of the test",
    ("src/api_base/infrastructure/storage/local_storage.py", "replace"): "a part of an upload, by another one with its number",
    ("src/api_base/infrastructure/storage/local_storage.py", "unlink"): TEMPORARY,
    ("src/api_base/infrastructure/storage/object_files.py", "rename"): "an object, by a complete content, under its lock",
    ("src/api_base/infrastructure/storage/object_files.py", "rmdir"): "removes empty directories only",
    ("src/api_base/infrastructure/storage/object_files.py", "unlink"): "the object that its caller deletes, and a temporary file",
    ("src/api_base/infrastructure/storage/upload_files.py", "rename"): "the directory of an upload that ended, to a random name",
    ("src/api_base/infrastructure/storage/upload_files.py", "rmtree"): "the parts of an upload that ended, by its random id",
    ("src/api_base/infrastructure/storage/upload_files.py", "unlink"): "the content of an unfinished upload, by its random id",
    (
        "src/api_base/serving/run_directory.py",
        "rmtree",
    ): "the counters and rate limits of a run that has ended; the name, the owner and a lock show it",
    ("tools/documents.py", "unlink"): GENERATED,
    ("tools/documents.py", "write_text"): GENERATED,
    ("tools/mutants/__main__.py", "write_text"): GENERATED,
    ("tools/mutants/coverage_map.py", "write_text"): "a cache of the same program",
    ("tools/mutants/hot.py", "write_text"): "the names of modules, in a copy of the repository",
    ("tools/mutants/outcomes.py", "write_text"): "the outcomes of one run, in its own folder",
    ("tools/mutants/shared_database.py", "drop database"): "test databases of the server that the same program started",
    ("tools/mutants/shared_database.py", "drop role"): "roles of tests, on the server that the same program started",
    ("tools/mutants/shared_database.py", "rename"): "the description of that server, in a copy of the repository",
    ("tools/mutants/shared_database.py", "write_text"): TEMPORARY,
    ("tools/mutants/tree.py", "copy2"): "into a copy of the repository",
    ("tools/mutants/tree.py", "open"): "the output of one run, in its own folder",
    ("tools/mutants/tree.py", "rmtree"): "a copy of the repository, in the folder of the same program",
    ("tools/mutants/tree.py", "unlink"): "the outcomes of one run, in its own folder",
    ("tools/mutants/tree.py", "write_bytes"): "files of a copy of the repository",
    ("tools/request_path.py", "write_text"): GENERATED,
    ("tools/privileges.py", "write_text"): GENERATED,
}


def test_every_call_that_deletes_or_overwrites_is_reviewed() -> None:
    found = Counter(calls())
    assert found.keys() - REVIEWED.keys() == set(), "Show that no stored data is destroyed, and add the reason to the list."
    assert REVIEWED.keys() - found.keys() == set(), "These calls no longer exist."


def calls() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (what := destruction(node)) is not None:
                    yield file.relative_to(ROOT).as_posix(), what


def destruction(node: ast.AST) -> str | None:
    """What a node destroys by: the name of a call, or the beginning of a statement in SQL."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and (statement := STATEMENT.search(node.value)):
        return statement[0].lower()
    if not isinstance(node, ast.Call):
        return None
    module, _, name = ast.unparse(node.func).rpartition(".")
    if name in CALLS:
        return name
    if f"{module}.{name}" in QUALIFIED:
        return f"{module}.{name}"
    if name in OF_PATHS and (module == "os" or (len(node.args) == 1 and not node.keywords)):
        return name
    if module == "os" and name == "open":
        return "os.open" if "O_TRUNC" in ast.unparse(node) else None
    if name == "open":
        given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
        modes = [argument.value for argument in given if isinstance(argument, ast.Constant) and isinstance(argument.value, str)]
        return "open" if any(OVERWRITES.fullmatch(mode) for mode in modes) else None
    return None


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("shutil.rmtree(path)", "rmtree"),
        ("path.unlink()", "unlink"),
        ("os.remove(path)", "os.remove"),
        ("rows.remove(row)", None),
        ("path.replace(other)", "replace"),
        ("os.replace(a, b)", "replace"),
        ("text.replace(a, b)", None),
        ("replace(value, name=1)", None),
        ("path.open('w')", "open"),
        ("open(path, mode='wb')", "open"),
        ("open(path, 'r+b')", "open"),
        ("open(path, 'ab')", None),
        ("open(path)", None),
        ("os.open(path, os.O_WRONLY | os.O_TRUNC)", "os.open"),
        ("'drop schema public cascade'", "drop schema"),
        ("'truncate table items'", "truncate table items"),
        ("'May drop a table, truncate, or round.'", None),
    ],
)
def test_destruction_is_recognised(code: str, what: str | None) -> None:
    found = {destruction(node) for node in ast.walk(ast.parse(code))} - {None}
    assert found == (set() if what is None else {what})
