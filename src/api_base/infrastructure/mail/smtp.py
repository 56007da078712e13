"""Mail by SMTP submission [RFC 5321, RFC 6409]: a connection for each mail, TLS wherever the way leads outside.

What the server says of recipient or content with 5yz is final [RFC 5321, section 4.2.1]; with 4yz it may be sent again. What goes
wrong with connection, TLS, password or sender says nothing about the mail, so that a wrong setting loses none. An answer to DATA that
gets lost leaves open whether the mail was taken: that is `Unavailable`, and it is sent again under the same Message-ID.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from api_base.core.errors import MailRefused, Unavailable
from api_base.core.protocols import Clock, Mail
from api_base.infrastructure.mail.message import message_of
from api_base.infrastructure.resilience.patterns import Policy

_QUIT_TIMEOUT: Final = 1.0
"""Seconds that a server has to answer QUIT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """`tls` from the first byte; or `starttls` before anything else is said: True requires it, None takes it where it is offered."""

    host: str
    port: int
    tls: bool
    starttls: bool | None
    user: str | None
    password: str | None = field(repr=False)

    @classmethod
    def parse(cls, url: str, *, production: bool) -> "SmtpServer":
        """From `smtp://` or `smtps://`. STARTTLS must be had in production and for a password, but not on this machine itself."""
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
        """Logged in, within `timeout` seconds for each step. Raises `Unavailable`."""
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
            raise Unavailable(f"The mail server {self.host}:{self.port} cannot be used: {_told(error)}") from error
        return client


class SmtpMailer:
    """Implements `Mailer`."""

    def __init__(self, policy: Policy, clock: Clock, server: SmtpServer, sender: str, timeout: float) -> None:
        self._policy, self._clock, self._server, self._sender, self._timeout = policy, clock, server, sender, timeout
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, mail: Mail) -> None:
        """See `Mailer`. Is not tried again here: the job is."""
        try:
            message = message_of(mail, self._sender, self._clock.now())
        except ValueError as error:
            raise MailRefused(f"The mail {mail.key} cannot be written: {error}") from None
        client = await self._policy.execute(lambda: self._handed_over(message, mail))
        leaving = asyncio.create_task(close_quietly(client))  # not waited for: the sooner that is noted, the less a kill can hit
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _handed_over(self, message: EmailMessage, mail: Mail) -> aiosmtplib.SMTP:
        """The connection on which the server took the mail."""
        client = await self._server.connect(self._timeout)
        try:
            await client.send_message(message)
        except BaseException as error:
            client.close()
            if not isinstance(error, aiosmtplib.SMTPException | OSError):
                raise
            if _final(error):
                raise MailRefused(f"The mail {mail.key} was refused: {_told(error)}") from error
            raise Unavailable(f"The mail server did not take the mail {mail.key}: {_told(error)}") from error
        return client


async def close_quietly(client: aiosmtplib.SMTP) -> None:
    """Whatever comes of it, the mail is taken."""
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=_QUIT_TIMEOUT)
    client.close()


def _final(error: Exception) -> bool:
    """530 is about us: it wants a login or TLS first [RFC 4954, section 6; RFC 3207, section 4]."""
    about_it = isinstance(error, aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPDataError)
    return about_it and (_code(error) or 0) >= 500 and _code(error) != 530


def _code(error: Exception) -> int | None:
    """What the server answered; of several recipients there is one."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return error.recipients[0].code
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None


def _told(error: Exception) -> str:
    """Without what the server said: it may quote the mail."""
    code = _code(error)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
