"""Mail through SMTP submission [RFC 5321, RFC 6409]: one connection for each mail, with TLS to every remote host.

A reply 5yz about the recipient or the content is final [RFC 5321, section 4.2.1]; after a reply 4yz the mail is sent again. Errors of the
connection, TLS, password or sender do not depend on the mail, so a wrong setting loses no mail. If the reply to DATA is lost, the server
may have accepted the mail: the call raises `Unavailable`, and the mail is sent again with the same Message-ID.
"""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from api_base.core.errors import MailRefused, Unavailable
from api_base.core.protocols import Clock, Mail, Mailer, Probe
from api_base.infrastructure.resilience.patterns import Policy


class _ExactSubject(EmailPolicy):
    """Encodes a subject as a whole [RFC 2047]: `EmailPolicy` loses spaces where it folds, and decodes text that looks encoded."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        stored = super().header_store_parse(name, value)  # refuses line breaks
        return (name, value) if name == "Subject" else stored

    def fold(self, name: str, value: Any) -> str:
        return self._subject(value) if name == "Subject" else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self._subject(value).encode() if name == "Subject" else super().fold_binary(name, value)

    def _subject(self, text: str) -> str:
        encoded = text if _PLAIN_SUBJECT.fullmatch(text) else Header(text, "utf-8", header_name="Subject").encode(linesep=self.linesep)
        return f"Subject: {encoded}{self.linesep}"


_PLAIN_SUBJECT: Final = re.compile(r"(?=.{1,65}\Z)(?!.*=\?)[!-~]+( [!-~]+)*")
_POLICY: Final = _ExactSubject(cte_type="7bit", linesep="\r\n")
"""Servers without 8BITMIME accept it too."""

_QUIT_TIMEOUT: Final = 1.0
"""Seconds to wait for the reply to QUIT."""


def message_of(mail: Mail, sender: str, now: datetime) -> EmailMessage:
    """The message. Raises `ValueError` for line breaks in a header."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # keeps automatic responders from answering [RFC 3834, section 5]
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message["Content-Language"] = mail.language
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """`tls` encrypts from the first byte. `starttls` upgrades the connection: True requires it, None uses it if the server offers it."""

    host: str
    port: int
    tls: bool
    starttls: bool | None
    user: str | None
    password: str | None = field(repr=False)

    @classmethod
    def parse(cls, url: str, *, production: bool) -> "SmtpServer":
        """From `smtp://` or `smtps://`. STARTTLS is required in production and with a password, except for loopback hosts."""
        parts = urlsplit(url)
        host, tls = parts.hostname or "", parts.scheme == "smtps"
        user = unquote(parts.username) if parts.username else None
        required = not _loopback(host) and (production or user is not None)
        return cls(
            host=host,
            port=parts.port or (465 if tls else 587),
            tls=tls,
            starttls=False if tls else True if required else None,
            user=user,
            password=unquote(parts.password) if parts.password else None,
        )

    async def connect(self, timeout: float) -> aiosmtplib.SMTP:
        """An authenticated connection, with `timeout` seconds for each step. Raises `Unavailable`."""
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls,
            start_tls=self.starttls,
            username=self.user,
            password=self.password,
            timeout=timeout,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable("The mail server cannot be used.", reason=f"{self.host}:{self.port}: {_reason(error)}") from error
        return client


class SmtpMailer(Mailer, Probe):
    def __init__(self, policy: Policy, clock: Clock, server: SmtpServer, sender: str, timeout: float) -> None:
        self._policy, self._clock, self._server, self._sender, self._timeout = policy, clock, server, sender, timeout
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, mail: Mail) -> None:
        """Send the mail once; the job retries. See `Mailer`."""
        try:
            message = message_of(mail, self._sender, self._clock.now())
        except ValueError as error:
            raise MailRefused(f"The mail {mail.key} cannot be encoded: {error}") from None
        client = await self._policy.execute(lambda: self._deliver(message, mail))
        leaving = asyncio.create_task(
            close_quietly(client)
        )  # not awaited: the sooner the delivery is stored, the smaller the window for a kill
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def check(self) -> str:
        """Connect and log in. Raises `Unavailable`."""
        await close_quietly(await self._server.connect(self._timeout))
        return f"{self._server.host}:{self._server.port}"

    async def _deliver(self, message: EmailMessage, mail: Mail) -> aiosmtplib.SMTP:
        """Deliver the mail. Returns the connection on which the server accepted it."""
        client = await self._server.connect(self._timeout)
        try:
            await client.sendmail(parseaddr(self._sender)[1], mail.to, bytes(message))
        except BaseException as error:
            client.close()
            if not isinstance(error, aiosmtplib.SMTPException | OSError):
                raise
            if _final(error):
                raise MailRefused(f"The mail {mail.key} was refused: {_reason(error)}") from error
            raise Unavailable(f"The mail server did not accept the mail {mail.key}.", reason=_reason(error)) from error
        return client


async def close_quietly(client: aiosmtplib.SMTP) -> None:
    """Close the connection and ignore errors: the server has already accepted the mail."""
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=_QUIT_TIMEOUT)
    client.close()


def _final(error: Exception) -> bool:
    """Whether the refusal is final. 530 is not: it requires a login or TLS first [RFC 4954, section 6; RFC 3207, section 4]."""
    about_the_mail = isinstance(error, aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPDataError)
    return about_the_mail and (_code(error) or 0) >= 500 and _code(error) != 530


def _code(error: Exception) -> int | None:
    """The reply code of the server. Each mail has one recipient."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return error.recipients[0].code
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None


def _reason(error: Exception) -> str:
    """The type and code of an error, without the server's text, which may quote the mail."""
    code = _code(error)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
