"""Passwords: hashing them, and knowing those that the world knows."""

from typing import Protocol


class PasswordHasher(Protocol):
    async def hash(self, password: str) -> str:
        """A salted hash of `password`, fit to be stored."""
        ...

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether `password` is the one behind `hashed`, and a new hash where the parameters have grown since.

        `None` (no such user) takes as long as a real verification and is never true.
        """
        ...


class BreachedPasswords(Protocol):
    async def contains(self, password: str) -> bool:
        """Whether `password` is on a list of breached passwords."""
        ...


class PasswordPolicy(Protocol):
    async def check(self, password: str, *, known: tuple[str, ...], pointer: str = "/password") -> None:
        """Raises `Invalid` at `pointer` for a password that is too easy; `known` is what others know of its user."""
        ...
