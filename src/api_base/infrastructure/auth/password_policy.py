"""What a password must be [NIST SP 800-63B-4, section 3.1.1]: long enough, hard to guess, not known to the world.

No rules of composition: they make passwords worse. How hard to guess is zxcvbn's estimate [Wheeler, USENIX Security 2016],
which also knows the user's own name and address.
"""

import asyncio
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from api_base.core.errors import Invalid, Violation
from api_base.core.protocols import BreachedPasswords

LONGEST: Final = 128
_SCORED: Final = 72
"""Characters that are scored: zxcvbn's time grows with the cube of the length."""


class ZxcvbnPasswordPolicy:
    """Implements `PasswordPolicy`. `min_length` in characters, `min_score` from 0 to 4.

    zxcvbn keeps what it is told of a user in a global table: one thread, so that two users never meet there.
    """

    def __init__(self, breached: BreachedPasswords, *, min_length: int, min_score: int) -> None:
        self._breached, self._min_length, self._min_score = breached, min_length, min_score
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="zxcvbn")

    async def check(self, password: str, *, known: tuple[str, ...], pointer: str = "/password") -> None:
        """Raises `Invalid` at `pointer` with every violation: too_short, too_long, characters, or too_easy and breached."""
        violations = self._form(password, pointer) or await self._strength(password, known, pointer)
        if violations:
            raise Invalid(violations)

    def _form(self, password: str, pointer: str) -> list[Violation]:
        length = len(unicodedata.normalize("NFC", password))
        if length < self._min_length:
            return [Violation(pointer, "too_short", f"must be at least {self._min_length} characters; a few random words make a good one")]
        if length > LONGEST:
            return [Violation(pointer, "too_long", f"must be at most {LONGEST} characters")]
        if any("\ud800" <= character <= "\udfff" or character == "\0" for character in password):
            return [Violation(pointer, "characters", "must be text without NUL and lone surrogates")]
        return []

    async def _strength(self, password: str, known: tuple[str, ...], pointer: str) -> list[Violation]:
        violations = []
        score, advice = await asyncio.get_running_loop().run_in_executor(self._pool, _score, password, known)
        if score < self._min_score:
            violations.append(Violation(pointer, "too_easy", f"is too easy to guess. {advice}".rstrip()))
        if await self._breached.contains(password):
            violations.append(Violation(pointer, "breached", "is on a list of breached passwords; choose one that is used nowhere else"))
        return violations


def _score(password: str, known: tuple[str, ...]) -> tuple[int, str]:
    from zxcvbn import zxcvbn  # 10 MB and 0.1 s: only where passwords are chosen

    words = {word.lower() for text in known for word in _variants(text) if len(word) > 2}
    result = zxcvbn(password[:_SCORED], user_inputs=sorted(words))
    feedback = result["feedback"]
    return result["score"], " ".join(filter(None, (feedback["warning"], *feedback["suggestions"])))


def _variants(text: str) -> set[str]:
    """What somebody makes a password of who is called `text` or has this address: its words, and those joined."""
    before_at = text.partition("@")[0]
    words, own = (re.findall(r"[^\W_]+", part) for part in (text, before_at))
    return {text, before_at, *words, *(separator.join(own) for separator in ("", " ", ".", "-", "_"))}
