"""What a password must be [NIST SP 800-63B, 5.1.1.2]: long enough, hard to guess, on no list of known ones; no rules of composition."""

import asyncio
from typing import Final

from api_base.core.errors import Invalid
from api_base.core.protocols import BreachedPasswords

LONGEST: Final = 128
SCORED: Final = 72
"""Characters that are scored: zxcvbn takes time with the square of the length."""


class ZxcvbnPasswordPolicy:
    """Implements `PasswordPolicy`. `min_score` is zxcvbn's, 0 to 4."""

    def __init__(self, breached: BreachedPasswords, *, min_length: int, min_score: int) -> None:
        self._breached, self._min_length, self._min_score = breached, min_length, min_score

    async def check(self, password: str, *, known: tuple[str, ...], pointer: str = "/password") -> None:
        if not self._min_length <= len(password) <= LONGEST:
            raise Invalid.of(pointer, "length", f"must have {self._min_length} to {LONGEST} characters")
        if "\0" in password:
            raise Invalid.of(pointer, "nul", "must not contain the character NUL")
        score, advice = await asyncio.to_thread(_score, password[:SCORED], known)
        if score < self._min_score:
            raise Invalid.of(pointer, "guessable", f"is too easy to guess. {advice}".strip())
        if await self._breached.contains(password):
            raise Invalid.of(pointer, "breached", "is on a list of passwords that were stolen elsewhere; choose another")


def _score(password: str, known: tuple[str, ...]) -> tuple[int, str]:
    from zxcvbn import zxcvbn  # its dictionaries take 10 MB: only who registers pays for them

    inputs = [part for text in known for part in (text, *text.replace("@", " ").replace(".", " ").split())]
    result = zxcvbn(password, user_inputs=inputs)
    feedback = result["feedback"]
    return result["score"], feedback["warning"] or " ".join(feedback["suggestions"])
