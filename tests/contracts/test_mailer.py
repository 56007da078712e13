"""What every mailer promises, and what the SMTP one does beyond that, on a real server that can be made to fail."""

import io
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

import pytest

from api_base.core.errors import MailRefused, Unavailable
from api_base.core.protocols import Mail, Mailer
from api_base.infrastructure.mail.console import ConsoleMailer
from api_base.infrastructure.mail.smtp import SmtpMailer, SmtpServer
from api_base.infrastructure.resilience.patterns import Policy, PolicyConfig
from api_base.infrastructure.system import SystemClock
from tests.e2e.processes import free_port
from tests.services import Mailpit

SENDER = "base@example.com"


class Sink(Protocol):
    mailer: Mailer

    def arrived(self, to: str) -> list[tuple[str, str]]:
        """Subject and text of what came for an address, oldest first."""
        ...


class Console:
    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.mailer: Mailer = ConsoleMailer(self._stream)

    def arrived(self, to: str) -> list[tuple[str, str]]:
        parts = self._stream.getvalue().split("─" * 72)
        found = [part.strip().split("\n", 2) for part in parts if part.startswith(f"\nTo: {to}\n")]
        return [(subject.removeprefix("Subject: "), text.strip()) for _, subject, text in found]


class Smtp:
    def __init__(self, mailpit: Mailpit) -> None:
        self._mailpit = mailpit
        self.mailer: Mailer = smtp_mailer(mailpit.smtp_url)

    def arrived(self, to: str) -> list[tuple[str, str]]:
        return [(one["Subject"], one["Text"].replace("\r\n", "\n").strip()) for one in reversed(self._mailpit.messages(to))]


def smtp_mailer(url: str, *, production: bool = False) -> Mailer:
    server = SmtpServer.parse(url, production=production)
    return SmtpMailer(Policy("mail", PolicyConfig()), SystemClock(), server, SENDER, timeout=5)


@pytest.fixture(params=["console", "smtp"])
def sink(request: pytest.FixtureRequest) -> Sink:
    return Console() if request.param == "console" else Smtp(request.getfixturevalue("mailpit"))


def mail(**changes: Any) -> Mail:
    id = uuid4()
    values = {
        "key": f"letter.{id}",
        "to": f"{id}@example.com",
        "language": "pt",
        "subject": "Olá, Inês",
        "text": "Açúcar.\n\nhttps://app.example/x#token=abc_-\n",
        "html": '<p>Açúcar.</p><p><a href="https://app.example/x#token=abc_-">https://app.example/x#token=abc_-</a></p>',
    }
    return Mail(**(values | changes))


async def test_what_is_sent_arrives_as_it_is(sink: Sink) -> None:
    one, long = mail(), mail(subject="á" * 200, text="x" * 5000 + "\n")
    folded = mail(subject="=?utf-8?q?a?= and " + "two  spaces, " * 12 + "end")
    for each in (one, long, folded):
        await sink.mailer.send(each)
        assert sink.arrived(each.to) == [(each.subject, each.text.strip())]


async def test_a_mail_goes_to_its_recipient_alone(sink: Sink) -> None:
    one = mail()
    await sink.mailer.send(one)
    assert sink.arrived(mail().to) == []


async def test_both_forms_arrive_with_what_a_mailbox_needs(mailpit: Mailpit) -> None:
    one = mail()
    await smtp_mailer(mailpit.smtp_url).send(one)
    (found,) = mailpit.messages(one.to)
    assert found["HTML"].strip() == one.html
    assert found["MessageID"] == f"{one.key}@example.com"
    assert found["From"]["Address"] == SENDER
    headers = mailpit.headers(found["ID"])
    assert headers["Auto-Submitted"] == ["auto-generated"]
    assert headers["Content-Language"] == ["pt"]


async def test_a_mail_that_is_sent_again_has_the_same_message_id(mailpit: Mailpit) -> None:
    one = mail()
    for _ in range(2):
        await smtp_mailer(mailpit.smtp_url).send(one)
    assert len({found["MessageID"] for found in mailpit.messages(one.to)}) == 1


@pytest.mark.parametrize(
    ("stage", "code", "error"),
    [
        ("Recipient", 451, Unavailable),
        ("Recipient", 550, MailRefused),
        ("Recipient", 530, Unavailable),
        ("Sender", 450, Unavailable),
        ("Sender", 550, Unavailable),
    ],
)
async def test_only_what_is_said_of_the_mail_itself_is_final(mailpit: Mailpit, stage: str, code: int, error: type[Exception]) -> None:
    one, mailer = mail(), smtp_mailer(mailpit.smtp_url)
    with mailpit.failing(stage, code), pytest.raises(error) as refused:
        await mailer.send(one)
    assert one.to not in str(refused.value)
    assert mailpit.messages(one.to) == []
    await mailer.send(one)
    assert len(mailpit.messages(one.to)) == 1


@pytest.mark.parametrize("field", ["to", "subject", "key", "language"])
async def test_nothing_becomes_a_header_of_its_own(mailpit: Mailpit, field: str) -> None:
    victim = f"{uuid4()}@example.com"
    one = mail()
    injected = mail(**{field: f"{getattr(one, field)}\r\nBcc: {victim}"})
    with pytest.raises(MailRefused):
        await smtp_mailer(mailpit.smtp_url).send(injected)
    assert mailpit.messages(victim) == []


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await smtp_mailer(f"smtp://127.0.0.1:{free_port()}").send(mail())


async def test_a_password_goes_to_no_server_that_cannot_take_it(mailpit: Mailpit) -> None:
    server = SmtpServer.parse(mailpit.smtp_url.replace("//", "//user:secret@"), production=False)
    one = mail()
    with pytest.raises(Unavailable) as refused:
        await SmtpMailer(Policy("mail", PolicyConfig()), SystemClock(), server, SENDER, timeout=5).send(one)
    assert "secret" not in str(refused.value)
    assert mailpit.messages(one.to) == []


async def test_tls_that_is_required_and_not_offered_sends_nothing(mailpit: Mailpit) -> None:
    server = SmtpServer(host="127.0.0.1", port=int(mailpit.smtp_url.rpartition(":")[2]), tls=False, starttls=True, user=None, password=None)
    one = mail()
    with pytest.raises(Unavailable):
        await SmtpMailer(Policy("mail", PolicyConfig()), SystemClock(), server, SENDER, timeout=5).send(one)
    assert mailpit.messages(one.to) == []


@dataclass(frozen=True)
class Way:
    url: str
    production: bool
    port: int
    tls: bool
    starttls: bool | None


@pytest.mark.parametrize(
    "way",
    [
        Way("smtp://mail.example.com", True, 587, False, True),
        Way("smtp://mail.example.com", False, 587, False, None),
        Way("smtp://ana:pw@mail.example.com:25", False, 25, False, True),
        Way("smtp://ana:pw@127.0.0.1:25", True, 25, False, None),
        Way("smtp://localhost", True, 587, False, None),
        Way("smtp://[::1]:2525", True, 2525, False, None),
        Way("smtps://ana:p%2Fw@mail.example.com", True, 465, True, False),
    ],
    ids=lambda way: f"{way.url} {way.production}",
)
def test_where_the_way_leads_outside_it_is_encrypted(way: Way) -> None:
    server = SmtpServer.parse(way.url, production=way.production)
    assert (server.port, server.tls, server.starttls) == (way.port, way.tls, way.starttls)
    assert "pw" not in repr(server)


def test_user_and_password_are_unquoted() -> None:
    server = SmtpServer.parse("smtps://ana%40example.com:p%2Fw@mail.example.com", production=True)
    assert (server.user, server.password) == ("ana@example.com", "p/w")
