"""Confirm an e-mail address by the link sent to it: the registration becomes a user.

Serializable: if the link is used twice concurrently, one request succeeds.
"""

from dataclasses import dataclass, field

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.users.commands.mail_registration import CONFIRM
from api_base.core.protocols import Clock, IdGenerator, Isolation, LinkTokens
from api_base.domain.users.errors import LinkRefused
from api_base.domain.users.repository import RegistrationRepository, UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRegistration(Command[None]):
    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    token: str = field(repr=False)


class ConfirmRegistrationHandler:
    def __init__(
        self, registrations: RegistrationRepository, users: UserRepository, tokens: LinkTokens, ids: IdGenerator, clock: Clock
    ) -> None:
        self._registrations, self._users, self._tokens, self._ids, self._clock = registrations, users, tokens, ids, clock

    async def handle(self, command: ConfirmRegistration) -> None:
        """Create the user. Raises `LinkRefused`; the commit raises `EmailTaken`, which only the owner of the mailbox can see."""
        named = self._tokens.open(CONFIRM, command.token)
        registration = None if named is None else await self._registrations.get(named[0])
        if registration is None:
            raise LinkRefused
        await self._users.create(registration.confirm(self._ids.new(), self._clock.now()))
        await self._registrations.update(registration)
