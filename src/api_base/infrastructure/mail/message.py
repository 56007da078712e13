"""A mail as a message [RFC 5322]: text and the same as HTML [RFC 2046, section 5.1.4].

`EmailMessage` refuses line ends in headers, so nothing that a user wrote becomes a header of its own. The Message-ID is made of the
mail's key: whoever gets a second copy can tell, and most mailboxes show one.
"""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from api_base.core.protocols import Mail

_POLICY: Final = SMTP.clone(cte_type="7bit")
"""Every server takes it, also one without 8BITMIME."""


def message_of(mail: Mail, sender: str, now: datetime) -> EmailMessage:
    """Raises `ValueError` for line ends in what becomes a header."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # nobody's absence notice answers it [RFC 3834, section 5]
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message["Content-Language"] = mail.language
    return message
