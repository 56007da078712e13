"""Register oneself. The password is checked and hashed before any transaction begins."""

from dataclasses import dataclass, field
from typing import ClassVar

from api_base.application.common.cqrs import PUBLIC, Bus, Command, Isolation
from api_base.application.users.commands.create_user import CreateUser
from api_base.application.users.dtos import RegistrationDTO
from api_base.core.protocols import PasswordHasher, PasswordPolicy
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.errors import EmailTaken


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterUser(Command[RegistrationDTO]):
    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.NONE
    email: str
    name: str
    password: str = field(repr=False)


class RegisterUserHandler:
    """`conceal`: a known address is answered like a new one, so that nobody learns who is registered."""

    def __init__(self, bus: Bus, hasher: PasswordHasher, policy: PasswordPolicy, *, conceal: bool) -> None:
        self._bus, self._hasher, self._policy, self._conceal = bus, hasher, policy, conceal

    async def handle(self, command: RegisterUser) -> RegistrationDTO:
        """Raises `Invalid` and, unless concealed, `EmailTaken`."""
        email = EmailAddress.parse(command.email)
        await self._policy.check(command.password, known=(email.value, command.name))
        hashed = await self._hasher.hash(command.password)
        try:
            await self._bus.execute(CreateUser(email=email, name=command.name, password_hash=hashed))
        except EmailTaken:
            if not self._conceal:
                raise
        return RegistrationDTO(email=email.value, name=command.name.strip())
