"""Each process of `serve` has the secrets that its work needs, and no others: in its environment, and in its arguments."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer, Urls
from api_base.testing.keys import pem
from tests.e2e.conftest import Project
from tests.e2e.processes import children, serving, until
from tools.privileges import PAGE, ROOT, SECRETS, processes, secrets_in

pytestmark = pytest.mark.slow

ROLES = ("postgres", "owner", "app", "worker")
ALLOWED = {"api_base.cli serve": set(), "server_process": set(), "api_base.cli worker": {"app", "worker"}, "postgres": set()}
"""Roles whose passwords may be in the environment. Nothing is exported to the supervisor here."""
SETTINGS = ("DATABASE__", "SECURITY__", "AUDIT__", "MAIL__", "SERVER__")


def parts(pid: int, name: str) -> list[str]:
    return Path(f"/proc/{pid}/{name}").read_bytes().decode().split("\0")


def test_no_process_has_a_password_of_a_role_that_it_does_not_use(project: Project) -> None:
    passwords = json.loads((project.home / ".api-base/postgres/passwords.json").read_text())
    assert set(passwords) == set(ROLES)
    with serving(project.home) as backend:
        backend.ready()
        until(lambda: backend.child("api_base.cli worker"), "a worker")
        family = {backend.process.pid: "api_base.cli serve", **children(backend.process.pid)}
        server = next(pid for pid, command in family.items() if "bin/postgres" in command)
        family |= dict.fromkeys(children(server), "postgres")
        kinds = set()
        for pid, command in family.items():
            kind = next(kind for kind in ALLOWED if kind in command)
            kinds.add(kind)
            variables, arguments = "\n".join(parts(pid, "environ")), "\n".join(parts(pid, "cmdline"))
            assert {role for role in ROLES if passwords[role] in variables} == ALLOWED[kind], command
            assert not [role for role in ROLES if passwords[role] in arguments], command
        assert kinds == set(ALLOWED)


def test_what_is_exported_reaches_only_the_processes_that_need_it(project: Project) -> None:
    exported = {"AUDIT__SIGNING_KEYS": pem(), "database__owner_url": "postgresql://owner:exported-secret@nowhere/api_base"}
    withheld = {"server_process": {"AUDIT__SIGNING_KEYS", "DATABASE__OWNER_URL"}, "api_base.cli worker": {"DATABASE__OWNER_URL"}}
    with serving(project.home, **exported) as backend:
        backend.ready()
        until(lambda: backend.child("api_base.cli worker"), "a worker")
        for pid, command in children(backend.process.pid).items():
            names = {part.partition("=")[0].upper() for part in parts(pid, "environ")}
            if "bin/postgres" in command:
                assert not [name for name in names if name.startswith(SETTINGS)]
            else:
                kind = next(kind for kind in withheld if kind in command)
                assert names & withheld[kind] == set()
                assert "exported-secret" not in "".join(parts(pid, "environ"))


def test_the_page_shows_the_secrets_of_each_running_process(
    home: Path, new_database: Callable[[], Urls], amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = new_database()
    values = {
        "DATABASE__URL": urls.app, "DATABASE__OWNER_URL": urls.owner, "DATABASE__WORKER_URL": urls.worker, "DATABASE__DIRECT_URL": urls.direct,
        "SECURITY__SIGNING_KEYS": pem().replace("\n", "\\n"), "AUDIT__SIGNING_KEYS": pem().replace("\n", "\\n"), "RATE_LIMIT__URL": "memory://",
        "CACHE__URL": "memory://", "SCANNER__URL": "none://", "STORAGE__URL": "file://",
        "EVENTS__URL": "database://", "JOBS__URL": "database://", "LOCKS__URL": "database://", "MAIL__URL": "console://", "REMOTE__URL": amqp_url,
        "REALTIME__URL": "database://", "SEARCH__URL": "database://",
        "OBSERVABILITY__METRICS_TOKEN": "a-token-of-this-test",
        "OBSERVABILITY__OTLP_HEADERS": "authorization=a-token-of-this-test",
    }  # fmt: skip
    assert values.keys() == set(SECRETS)
    found = {}
    with serving(home, **values) as backend:
        found["supervisor"] = secrets_of(backend.process.pid)
        for process, named in (("preparation", "serving.preparation"), ("server", "server_process"), ("worker", "api_base.cli worker")):
            found[process] = secrets_of(until(lambda named=named: backend.child(named), named))
        backend.ready()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    server = EmbeddedServer(home / "postgres", fsync=False)
    server.start()
    try:
        found["PostgreSQL"] = secrets_of(next(pid for pid, command in children(os.getpid()).items() if str(home) in command))
    finally:
        server.stop()
    assert processes(found) in (ROOT / PAGE).read_text(encoding="utf-8")


def secrets_of(pid: int) -> frozenset[str]:
    return secrets_in(part.partition("=")[0] for part in parts(pid, "environ"))
