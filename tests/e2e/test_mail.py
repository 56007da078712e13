"""E-mail end to end: a server, its worker, and the mailbox from which the link is read."""

import re
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import Backend, serving, until
from tests.services import Mailpit

pytestmark = pytest.mark.slow

OLD, NEW = "a long enough pass phrase", "another long enough phrase"
SETTINGS = {"AUTH__REGISTRATION": "verified", "RATE_LIMIT__LOGIN_BURST": "1000", "RATE_LIMIT__LOGIN_REQUESTS": "10000"}


class Mailbox(Protocol):
    settings: dict[str, str]

    def email_templates(self, backend: Backend, to: str) -> list[str]:
        """Subject and text of the mails to an address, oldest first."""
        ...


class Terminal:
    """The mails that the worker prints when no mail server is configured."""

    def __init__(self) -> None:
        self.settings = {"MAIL__URL": "console://"}

    def email_templates(self, backend: Backend, to: str) -> list[str]:
        parts = backend.output.split("─" * 72)
        return [part.partition("Subject: ")[2] for part in parts if part.startswith(f"\nTo: {to}\n")]


class Sink:
    def __init__(self, mailpit: Mailpit) -> None:
        self._mailpit = mailpit
        self.settings = {"MAIL__URL": mailpit.smtp_url}

    def email_templates(self, backend: Backend, to: str) -> list[str]:
        return [f"{one['Subject']}\n{one['Text']}" for one in reversed(self._mailpit.messages(to))]


@pytest.fixture(params=["console", "smtp"])
def mailbox(request: pytest.FixtureRequest) -> Mailbox:
    return Terminal() if request.param == "console" else Sink(request.getfixturevalue("mailpit"))


def link(letter: str, backend: Backend) -> tuple[str, str]:
    """The page and the token of the link in a mail."""
    found = re.search(rf"http://127\.0\.0\.1:{backend.port}(/links/[a-z-]+)#token=([A-Za-z0-9_-]+)\s", letter)
    assert found is not None, letter
    return found[1], found[2]


def nth(mailbox: Mailbox, backend: Backend, to: str, count: int) -> str:
    return until(lambda: mailbox.email_templates(backend, to)[count - 1 :], f"letter {count} to {to}")[0]


def address(home: Path, name: str, request: pytest.FixtureRequest) -> str:
    """An address that no other test and no earlier run uses."""
    return f"{name}-{home.name}-{request.node.callspec.id}@example.com".lower()


def post_to(backend: Backend, path: str, body: Any) -> tuple[int, Any]:
    return backend.request("POST", f"/api/v1/auth/{path}", body)


def login(backend: Backend, email: str, password: str) -> tuple[int, Any]:
    return post_to(backend, "login", {"email": email, "password": password})


def test_from_registering_to_a_password_that_was_forgotten(project: Project, mailbox: Mailbox, request: pytest.FixtureRequest) -> None:
    with serving(project.home, **SETTINGS, **mailbox.settings) as backend:
        backend.ready()
        email = address(project.home, "ana", request)
        post = partial(post_to, backend)
        registration = {"email": email, "name": "Ana"}
        status, _, first = backend.exchange("POST", "/api/v1/auth/register", registration, None, {"Accept-Language": "pt-BR"})
        assert status == 201
        letter = nth(mailbox, backend, email, 1)
        assert letter.startswith("Confirme o seu endereço em My API\n")
        page, token = link(letter, backend)
        assert page == "/links/confirm-registration"
        assert login(backend, email, OLD)[0] == 401
        assert post("register/confirm", {"token": token, "password": OLD}) == (204, None)
        status, tokens = login(backend, email, OLD)
        assert status == 200

        assert post("register", registration) == (201, first)
        assert "já tem uma conta" in nth(mailbox, backend, email, 2)

        assert post("password/forgotten", {"email": email}) == (204, None)
        _, token = link(nth(mailbox, backend, email, 3), backend)
        assert post("password/reset", {"token": token, "password": NEW}) == (204, None)
        assert post("refresh", {"refresh_token": tokens["refresh_token"]})[0] == 401
        until(lambda: backend.request("GET", "/api/v1/auth/me", token=tokens["access_token"])[0] == 401, "the end of the session")
        assert (login(backend, email, OLD)[0], login(backend, email, NEW)[0]) == (401, 200)
        assert "foi alterada" in nth(mailbox, backend, email, 4)
        assert post("password/reset", {"token": token, "password": OLD})[0] == 409
        assert len(mailbox.email_templates(backend, email)) == 4
        if not isinstance(mailbox, Terminal):
            assert token not in backend.output


def test_an_invitation_is_accepted_by_a_new_user(project: Project, mailbox: Mailbox, request: pytest.FixtureRequest) -> None:
    with serving(project.home, **SETTINGS | {"AUTH__REGISTRATION": "invited"}, **mailbox.settings) as backend:
        owner = project.log_in(backend.ready())
        email = address(project.home, "bo", request)
        (tenant,) = [one for one in backend.request("GET", "/api/v1/tenants", token=owner)[1]["items"] if one["slug"] == "demo"]
        _, tokens = backend.request("POST", f"/api/v1/tenants/{tenant['id']}/switch", token=owner)
        refused, _ = backend.request("POST", "/api/v1/auth/register", {"email": email, "name": "Bo", "password": OLD})
        assert refused == 403
        invited, _ = backend.request(
            "POST", f"/api/v1/tenants/{tenant['id']}/invitations", {"email": email, "role": "viewer"}, tokens["access_token"]
        )
        assert invited == 201
        _, token = link(nth(mailbox, backend, email, 1), backend)
        joined = {"token": token, "name": "Bo", "password": OLD}
        assert backend.request("POST", "/api/v1/tenants/invitations/register", joined) == (204, None)
        status, mine = login(backend, email, OLD)
        assert status == 200
        _, tenants = backend.request("GET", "/api/v1/tenants", token=mine["access_token"])
        assert {(one["slug"], one["role"]) for one in tenants["items"] if not one["personal"]} == {("demo", "viewer")}
