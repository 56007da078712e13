"""The adapters of `MAIL__URL`."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter, check_url

if TYPE_CHECKING:
    from api_base.core.protocols import Mailer
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _console(ports: "AdapterPorts") -> "Mailer":
    del ports
    from api_base.infrastructure.mail.console import ConsoleMailer

    return ConsoleMailer(sys.stdout)


def _smtp(ports: "AdapterPorts") -> "Mailer":
    from api_base.infrastructure.mail.smtp import SmtpMailer, SmtpServer

    settings = ports.settings
    server = SmtpServer.parse(settings.mail.url.get_secret_value(), production=settings.environment == "production")
    return SmtpMailer(ports.policy("mail"), ports.clock, server, settings.mail.sender, settings.resilience.timeout_seconds)


def _validate(url: str) -> None:
    form = "smtp://user:password@host:port or smtps://user:password@host:port"
    check_url(url, form, lambda parts: bool(parts.hostname) and not (parts.query or parts.path.strip("/")))


CONSOLE: Final = Adapter(
    build=_console,
    url="console://",
    summary="Prints mails to the worker's output.",
    unsafe="`console://` prints links that grant access",
)
SMTP: Final = Adapter(
    build=_smtp,
    url="smtp://user:password@host:587",
    summary="An SMTP server; the connection is upgraded to TLS by STARTTLS.",
    validate=_validate,
)
SMTPS: Final = replace(SMTP, url="smtps://user:password@host:465", summary="An SMTP server, by TLS from the start.")
