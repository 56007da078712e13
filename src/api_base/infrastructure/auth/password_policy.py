"""Requirements for passwords [NIST SP 800-63B-4, section 3.1.1]: long enough, hard to guess, not on a list of breached passwords.

There are no composition rules, because they make passwords worse. zxcvbn estimates how hard a password is to guess [Wheeler, USENIX Security
2016]; it also knows the user's name and address.
"""

import asyncio
import hashlib
import os
import re
from math import prod
from pathlib import Path
from typing import Final

from api_base.core.errors import ConfigurationError, Invalid, Unavailable, Violation
from api_base.core.protocols import BreachedPasswords, PasswordPolicy
from api_base.domain.common.text import UNSTORABLE, normalized
from api_base.infrastructure.auth.password_hasher import PasswordThreads

MAX_LENGTH: Final = 128
MAX_SCORED_LENGTH: Final = 72
"""Maximum number of scored characters: zxcvbn's time grows with the cube of the length."""
MAX_READINGS: Final = 8
"""Maximum number of words that a password can stand for in "l33t" spelling (`4` and `@` for a, `1`, `!` and `|` for i …): zxcvbn tries all."""
_PRIVATE_USE: Final = 0xE000

_DIGITS = 40
_BLOCK = 4096
"""Ranges of fewer bytes are read in one go; a line has about 45 bytes."""


class ZxcvbnPasswordPolicy(PasswordPolicy):
    """Implements `PasswordPolicy`. `min_length` is in characters, `min_score` from 0 to 4.

    zxcvbn stores the user's words in a global table, so it runs in a single thread: two users never share the table.
    """

    def __init__(self, breached: BreachedPasswords, *, min_length: int, min_score: int) -> None:
        self._breached, self._min_length, self._min_score = breached, min_length, min_score
        self._threads = PasswordThreads(1, "zxcvbn")

    async def check(self, password: str, *, known: tuple[str, ...], pointer: str = "/password") -> None:
        """Check `password`. Raises `Invalid` at `pointer` with all violations: too_short, too_long, characters, or too_easy and breached;
        `Unavailable` if too many requests wait.
        """
        violations = self._form(password, pointer) or await self._strength(password, known, pointer)
        if violations:
            raise Invalid(violations)

    def _form(self, password: str, pointer: str) -> list[Violation]:
        length = len(normalized(password))
        if length < self._min_length:
            return [
                Violation(
                    pointer, "too_short", f"must have at least {self._min_length} characters; a few random words make a good password"
                )
            ]
        if length > MAX_LENGTH:
            return [Violation(pointer, "too_long", f"must have at most {MAX_LENGTH} characters")]
        if UNSTORABLE.search(password):
            return [Violation(pointer, "characters", "must not contain NUL or a lone surrogate")]
        return []

    async def _strength(self, password: str, known: tuple[str, ...], pointer: str) -> list[Violation]:
        violations = []
        score, advice = await self._threads.run(_score, password, known)
        if score < self._min_score:
            violations.append(Violation(pointer, "too_easy", f"is too easy to guess. {advice}".rstrip()))
        if await self._breached.contains(password):
            violations.append(Violation(pointer, "breached", "is on a list of breached passwords; choose another one"))
        return violations


def _score(password: str, known: tuple[str, ...]) -> tuple[int, str]:
    from zxcvbn import zxcvbn  # 10 MB and 0.1 s: only where passwords are chosen

    words = {word.lower() for text in known for word in _variants(text) if len(word) > 2}
    result = zxcvbn(scored(password), user_inputs=sorted(words))
    feedback = result["feedback"]
    return result["score"], " ".join(filter(None, (feedback["warning"], *feedback["suggestions"])))


def scored(password: str) -> str:
    """The part of `password` that zxcvbn scores, so that it finishes in a fraction of a second.

    Characters that would exceed `MAX_READINGS` are replaced by characters without a l33t meaning. It takes seven different ones to get
    there, more than any word needs.
    """
    from zxcvbn.matching import L33T_TABLE

    beginning = password[:MAX_SCORED_LENGTH]
    kept: set[str] = set()
    hidden: dict[int, str] = {}
    for sign in dict.fromkeys(beginning):
        kept.add(sign)
        if prod(max(1, len(kept.intersection(signs))) for signs in L33T_TABLE.values()) > MAX_READINGS:
            kept.remove(sign)
            hidden[ord(sign)] = chr(_PRIVATE_USE + ord(sign))
    return beginning.translate(hidden)


def _variants(text: str) -> set[str]:
    """Words that a user with this name or address might build a password from: the words of `text`, and their combinations."""
    before_at = text.partition("@")[0]
    words, own = (re.findall(r"[^\W_]+", part) for part in (text, before_at))
    return {text, before_at, *words, *(separator.join(own) for separator in ("", " ", ".", "-", "_"))}


class NoBreachedPasswords(BreachedPasswords):
    """Used without a list: contains no password."""

    async def contains(self, password: str) -> bool:
        """Always False."""
        del password
        return False


class BreachedPasswordFile(BreachedPasswords):
    """A sorted file of lines `<SHA-1 in upper-case hex>[:<count>]`.

    The format is that of Have I Been Pwned, "ordered by hash". Searches the file with `pread`, off the event loop. It does not use a memory
    map, because a page fault would hold the interpreter lock while the disk is read.

    Raises `ConfigurationError` if the file cannot be read or does not begin with such a line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                first = file.read(_DIGITS)
        except OSError as error:
            raise ConfigurationError(f"SECURITY__BREACHED_PASSWORDS: {path} cannot be read ({error.strerror})") from None
        if len(first) != _DIGITS or first.strip(b"0123456789ABCDEF"):
            raise ConfigurationError(
                f"SECURITY__BREACHED_PASSWORDS: {path} does not begin with a line <SHA-1 in upper-case hex>[:<count>]; "
                "use the list that is ordered by hash"
            )

    async def contains(self, password: str) -> bool:
        """Whether `password` is on the list. Raises `Unavailable` if the file cannot be read."""
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper().encode()
        try:
            return await asyncio.to_thread(self._search, digest)
        except OSError as error:
            raise Unavailable(f"The list of breached passwords cannot be read: {error.strerror}.") from error

    def _search(self, digest: bytes) -> bool:
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            low, high = 0, os.fstat(descriptor).st_size  # the line begins in low..high, if it is there; one begins at low
            while high - low > _BLOCK:
                middle = (low + high) // 2
                begin, line = _line_after(descriptor, middle)
                if line <= digest:
                    low = begin
                else:
                    high = middle
            return any(line.startswith(digest) for line in os.pread(descriptor, high - low + 2 * _DIGITS, low).split(b"\n"))
        finally:
            os.close(descriptor)


def _line_after(descriptor: int, offset: int) -> tuple[int, bytes]:
    """The offset of the first line that begins after `offset`, and its hash."""
    block = os.pread(descriptor, 4 * _DIGITS, offset)
    begin = block.index(b"\n") + 1 if b"\n" in block else len(block)
    return offset + begin, block[begin : begin + _DIGITS]
