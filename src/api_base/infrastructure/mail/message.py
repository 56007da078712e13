"""Build a message [RFC 5322] from a mail, as text and as HTML [RFC 2046, section 5.1.4].

`EmailMessage` refuses line breaks in headers, so user input cannot add headers. The Message-ID is derived from the mail's key, so that
mailboxes recognize a second copy of a mail.
"""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from api_base.core.protocols import Mail

_POLICY: Final = SMTP.clone(cte_type="7bit")
"""Servers without 8BITMIME accept it too."""


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
