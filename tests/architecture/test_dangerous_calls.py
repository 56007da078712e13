"""The code of the package executes no text, starts no shell, reads no format that can carry code, encrypts nothing, and hashes with few functions."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import api_base

pytestmark = pytest.mark.slow

SOURCE: Final = Path(api_base.__file__).parent
CALLS: Final = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "asyncio.create_subprocess_shell"}
MODULES: Final = {
    "code", "codeop",  # consoles
    "pickle", "marshal", "shelve", "dill", "yaml",  # formats that can carry code
    "xml", "lxml", "defusedxml",  # entities
    "cryptography.hazmat.primitives.ciphers", "Crypto", "cryptography.fernet",  # encryption
}  # fmt: skip
CONSOLE: Final = "operations/shell.py"
"""Runs what the operator writes: `api-base shell`."""
STARTS: Final = {"subprocess.run", "subprocess.Popen", "asyncio.create_subprocess_exec"}
FOREGROUND: Final = ("cli/", "generating/")
"""Folders whose programs belong to the command that runs in the terminal: Ctrl-C is for both."""
HASHES: Final = {"sha256", "blake2b", "blake2s", "md5", "sha1"}
WEAK: Final = {
    "infrastructure/minio/upload_operations.py": "the checksum by which S3 finds damage of a part on the way (Content-MD5)",
    "infrastructure/auth/password_policy.py": "looks passwords up in a published list of SHA-1 hashes",
    "application/services/file_upload/append.py": "compares the checksum by which a client of tus finds damage on the way",
    "infrastructure/redis/client.py": "the name by which Redis knows a script that it has received (EVALSHA)",
}


def dangers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each call or import that is not used here, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function, keywords=keywords):
                if (name := ast.unparse(function)) in CALLS:
                    yield node.lineno, name
                if any(keyword.arg == "shell" and ast.unparse(keyword.value) != "False" for keyword in keywords):
                    yield node.lineno, f"{name}(shell=…)"
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names if within(alias.name))
            case ast.ImportFrom(module=str(module), names=names):
                found = [f"{module}.{alias.name}" for alias in names]
                yield from ((node.lineno, name) for name in found if within(name))


def in_this_group(tree: ast.AST) -> Iterator[int]:
    """The line of each program that is started without a session of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in STARTS:
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if given.get("start_new_session") != "True":
                yield node.lineno


def within(module: str) -> bool:
    return any(f"{module}.".startswith(f"{unused}.") for unused in MODULES)


def hashes(tree: ast.AST) -> Iterator[str]:
    """The names of the functions of `hashlib` that are used, and of those that `hmac` uses."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="hashlib"), attr=name):
                yield name
            case ast.ImportFrom(module="hashlib", names=names):
                yield from (alias.name for alias in names)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="hmac"), attr="digest" | "new"), args=[_, _, digest]):
                yield ast.literal_eval(digest)


def trees() -> Iterator[tuple[str, ast.AST]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield str(file.relative_to(SOURCE)), ast.parse(file.read_text(encoding="utf-8"))


def test_nothing_executes_text_or_reads_a_format_that_can_carry_code() -> None:
    found = [(file, name, line) for file, tree in trees() for line, name in dangers(tree)]
    assert [f"{file}:{line}: {name}" for file, name, line in found if file != CONSOLE] == []
    assert {name for file, name, _ in found if file == CONSOLE} == {"code.InteractiveConsole"}


def test_hash_functions_are_approved_ones() -> None:
    used = {file: set(hashes(tree)) for file, tree in trees()}
    assert set().union(*used.values()) == HASHES
    assert {file for file, names in used.items() if names & {"md5", "sha1"}} == WEAK.keys()


@pytest.mark.parametrize(
    "code",
    ["eval('1')", "import pickle", "from xml.etree import ElementTree", "import xml.sax", "subprocess.run('ls', shell=True)", "os.system('ls')", "import code", "from codeop import Compile",
     "from cryptography.hazmat.primitives import ciphers", "from cryptography.hazmat.primitives.ciphers import Cipher"],
)  # fmt: skip
def test_a_danger_is_found(code: str) -> None:
    assert len(list(dangers(ast.parse(code)))) == 1


@pytest.mark.parametrize("code", ["import pickletools", "evaluate('1')", "subprocess.run(['ls'], shell=False)", "import ast"])
def test_other_code_is_no_danger(code: str) -> None:
    assert list(dangers(ast.parse(code))) == []


def test_a_hash_function_is_found_however_it_is_named() -> None:
    code = "hashlib.md5(b'')\nfrom hashlib import sha512\nhmac.digest(key, text, 'sha384')"
    assert set(hashes(ast.parse(code))) == {"sha512", "md5", "sha384"}


def test_what_serves_starts_no_program_in_its_group() -> None:
    """Ctrl-C is sent to the group of the terminal: a program in it ends in the middle of a start, as if the start had failed."""
    found = [
        f"{file.relative_to(SOURCE)}:{line}"
        for file in sorted(SOURCE.rglob("*.py"))
        if not file.relative_to(SOURCE).as_posix().startswith(FOREGROUND)
        for line in in_this_group(ast.parse(file.read_text()))
    ]
    assert found == []


def test_a_program_in_the_group_is_found() -> None:
    code = "subprocess.run(['initdb'])\nsubprocess.Popen(['postgres'], start_new_session=True)\nsubprocess.Popen(['x'], start_new_session=False)\n"
    assert list(in_this_group(ast.parse(code))) == [1, 3]
