"""Find the caller of a request by address and password, without a session.

A verification takes a tenth of a second of processor time, and a tool sends its password with each request: what was verified is remembered
for the stored hash that it was verified with, so a changed password is verified again at its first request. What is remembered is a keyed
digest, not the password.
"""

import hashlib
import secrets
from collections import OrderedDict
from typing import Final

from api_base.core.protocols import PasswordHasher, PrincipalResolver
from api_base.core.types import Principal, UserId
from api_base.domain.auth.errors import LoginRefused
from api_base.domain.auth.repository import Credentials, Memberships

CAPACITY: Final = 1_000
"""Verified passwords that a process remembers; the one that was used longest ago leaves first."""


class VerifiedPasswords:
    """Implements `PasswordCallers`. `PasswordHasher` charges each verification to the account and the address."""

    def __init__(
        self,
        credentials: Credentials,
        memberships: Memberships,
        hasher: PasswordHasher,
        principals: PrincipalResolver,
        capacity: int = CAPACITY,
    ) -> None:
        self._credentials, self._memberships, self._hasher, self._principals = credentials, memberships, hasher, principals
        self._key, self._capacity = secrets.token_bytes(32), capacity
        self._known: OrderedDict[bytes, UserId] = OrderedDict()

    async def verified(self, email: str, password: str) -> Principal:
        """Return the user, in the tenant of the oldest membership. Raises `LoginRefused` for a wrong address or password, and for an account
        that may not log in; `TooManyRequests` when the account or the address has to wait."""
        found = await self._credentials.find(email)
        tried = None if found is None else found.password_hash
        digest = self._digest(email, password, tried or "")
        if found is None or self._known.get(digest) != found.user_id:
            good, _ = await self._hasher.verify(password, tried, account=email.strip().lower(), device=None)
            if found is None or not good:
                raise LoginRefused(None if found is None else found.user_id)
            self._remember(digest, found.user_id)
        if not found.open:
            raise LoginRefused(found.user_id)
        self._known.move_to_end(digest)
        return await self._principals.resolve(found.user_id, await self._memberships.first(found.user_id))

    def _remember(self, digest: bytes, user_id: UserId) -> None:
        self._known[digest] = user_id
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def _digest(self, *parts: str) -> bytes:
        digest = hashlib.blake2b(digest_size=32, key=self._key)
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(4) + encoded)
        return digest.digest()
