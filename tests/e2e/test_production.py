"""The production section of the README: an empty PostgreSQL, the SQL of its administrator, and the commands in order."""

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import open_folder
from tests.e2e.documentation import README, blocks, checkout, paste
from tests.e2e.processes import free_port, serving, until
from tests.services import address as server_address

SECTION = (README, "In production")
PASSWORD = "a long enough pass phrase"
VARIABLES = (
    "ENVIRONMENT",
    "DATABASE__URL",
    "DATABASE__OWNER_URL",
    "DATABASE__WORKER_URL",
    "SECURITY__SIGNING_KEYS",
    "AUDIT__SIGNING_KEYS",
    "MAIL__URL",
    "MAIL__LINKS",
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Host and port of a PostgreSQL with the roles and the database of the README, and none of those of the embedded server."""
    with open_folder() as home:
        port = free_port()
        server = EmbeddedServer(home, port=port, fsync=False)
        server.start()
        try:
            (made,) = blocks("sql", *SECTION)
            emptied = ["drop database api_base with (force)", "drop role owner, app, worker, search"]
            asyncio.run(administer(server.administrator_url(), [*emptied, *made.text.splitlines()]))
            yield f"127.0.0.1:{port}"
        finally:
            server.stop()


async def administer(url: str, statements: list[str]) -> None:
    connection = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def pasted(address: str) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """The folder of the commands, their output, and the variables that they set."""
    (block,) = blocks("sh", *SECTION)
    mail = urlsplit(server_address("mailpit", "TEST_MAIL_URL")).netloc
    text = block.text.replace("?sslmode=verify-full", "")  # the server of the tests listens on loopback, without TLS
    commands = text.replace("db.example.com", address).replace("user:password@mail.example.com:587", mail)
    assert (commands.count(address), commands.count(mail)) == (3, 1)
    tell = "".join(f'\nprintf "%s\\0" "${name}" >> variables' for name in VARIABLES)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        checkout(home)
        printed = paste(f"PATH=.venv/bin:$PATH\n{commands}{tell}", home, API_BASE_ADMIN_PASSWORD=PASSWORD)
        yield home, printed, dict(zip(VARIABLES, (home / "variables").read_text().split("\0"), strict=False))


def test_the_commands_migrate_make_an_administrator_and_show_no_secret(pasted: tuple[Path, str, dict[str, str]]) -> None:
    home, printed, _ = pasted
    assert "items_001" in printed
    assert "Created ana@example.com" in printed
    assert "ENVIRONMENT=production" in printed
    assert "PRIVATE KEY" not in printed
    assert "app-password" not in printed
    assert not (home / ".api-base").exists()  # no file of development is created


def test_what_was_set_up_serves_and_lets_the_administrator_in(pasted: tuple[Path, str, dict[str, str]]) -> None:
    home, _, variables = pasted
    with serving(home, **variables) as backend:
        status, tokens = backend.ready().request("POST", "/api/v1/auth/login", {"email": "ana@example.com", "password": PASSWORD})
        assert status == 200, tokens
        assert backend.request("GET", "/health/ready") == (200, {"status": "ok", "dependencies": []})
        for hidden in (
            "/docs",
            "/docs/graphiql",
            "/docs/reference",
            "/docs/assets/graphiql.min.js",
            "/openapi.json",
            "/asyncapi.json",
            "/events/cloudevent.json",
            "/metrics",
        ):
            assert backend.request("GET", hidden)[0] == 404, hidden
        assert backend.request("GET", "/.well-known/jwks.json")[0] == 200
        assert backend.request("GET", "/api/v1/items", token=tokens["access_token"])[0] == 200
        until(lambda: "worker_started" in backend.output, "a worker, as the role of its own")
        assert backend.end(signal.SIGTERM) == 0
    assert "example.com" not in backend.output  # no first-run message
