"""A limit of e-mails for each recipient, in front of the configured mailer: strangers can make the application write to any address.

Each kind of e-mail is counted by itself, so that a flood of invitations holds back no notice of a changed password. An e-mail beyond the
limit is dropped and logged. A subaddress [RFC 5233] belongs to its mailbox.
"""

from collections import OrderedDict
from typing import Final

from api_base.core.protocols import Charge, Mail, Mailer, Rate, RateLimiter
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)

CAPACITY: Final = 10_000
"""Keys of charged e-mails that a process remembers: one that is sent again after a failure is not charged again."""


class LimitedMailer(Mailer):
    """Sends `quota` e-mails of one kind per recipient and hour through `mailer`."""

    def __init__(self, mailer: Mailer, limiter: RateLimiter, quota: int) -> None:
        self._mailer, self._limiter = mailer, limiter
        self._rate = Rate(quota, 3600.0, quota)
        self._charged: OrderedDict[str, None] = OrderedDict()

    async def send(self, mail: Mail) -> None:
        """Send the mail unless its recipient has had too many of its kind. Raises what the mailer raises."""
        if await self._admitted(mail):
            await self._mailer.send(mail)

    async def _admitted(self, mail: Mail) -> bool:
        if mail.key in self._charged:
            return True
        kind, (local, _, domain) = mail.key.partition(".")[0], mail.to.lower().rpartition("@")
        mailbox = local.partition("+")[0] or local
        if not (await self._limiter.hit([Charge(f"mail {mailbox}@{domain}", f"mail-{kind}", self._rate)])).allowed:
            logger.warning("mail_dropped", reason="the recipient has had too many e-mails of this kind", kind=kind)
            return False
        self._charged[mail.key] = None
        if len(self._charged) > CAPACITY:
            self._charged.popitem(last=False)
        return True
