"""What we rely on in Mailpit, shown on the server of `make services`."""

from email.message import EmailMessage
from urllib.parse import urlsplit
from uuid import uuid4

import aiosmtplib
import pytest

from tests.services import Mailpit


async def test_what_is_sent_can_be_read(mailpit: Mailpit) -> None:
    to = f"{uuid4()}@example.com"
    await send(mailpit, to)
    (message,) = mailpit.messages(to)
    assert message["Subject"] == "Olá"
    assert message["Text"].strip() == "Bem-vinda, Inês."


async def test_it_fails_while_it_is_told_to(mailpit: Mailpit) -> None:
    to = f"{uuid4()}@example.com"
    with mailpit.failing("Recipient", 451):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await send(mailpit, to)
        assert [one.code for one in refused.value.recipients] == [451]
    assert mailpit.messages(to) == []
    await send(mailpit, to)
    assert len(mailpit.messages(to)) == 1


async def send(mailpit: Mailpit, to: str) -> None:
    message = EmailMessage()
    message["From"] = "base@example.com"
    message["To"] = to
    message["Subject"] = "Olá"
    message.set_content("Bem-vinda, Inês.")
    server = urlsplit(mailpit.smtp_url)
    await aiosmtplib.send(message, hostname=server.hostname, port=server.port)
