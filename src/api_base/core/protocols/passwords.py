"""Passwords: hashing them, and knowing those that the world knows."""

from typing import Protocol


class PasswordHasher(Protocol):
    """Hashing is slow on purpose: an implementation does it off the event loop, and bounds how many run at once."""

    async def hash(self, password: str) -> str:
        """A salted hash of `password`, fit to be stored."""
        ...

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether `password` is the one behind `hashed`, and a new hash where the parameters have grown since.

        `None` (no such user) takes as long as a real verification and is never true.
        """
        ...


class BreachedPasswords(Protocol):
    """A list of passwords that the world knows [NIST SP 800-63B, section 5.1.1.2]."""

    async def contains(self, password: str) -> bool:
        """Whether `password` is on a list of breached passwords."""
        ...


class PasswordPolicy(Protocol):
    """Which passwords are good enough to be set."""

    async def check(self, password: str, *, known: tuple[str, ...], pointer: str = "/password") -> None:
        """Raises `Invalid` at `pointer` for a password that is too easy; `known` is what others know of its user."""
        ...
