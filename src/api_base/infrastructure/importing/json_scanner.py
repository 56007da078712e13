"""Finds the extents of JSON values in a file, piece by piece, without parsing them. The time is linear, and the memory bounded."""

import re
from collections.abc import Iterator
from typing import Final, TextIO

from api_base.application.common.importing.records import UnreadableFile

MAX_VALUE_LENGTH: Final = 1 << 20
"""Characters of a value: the limit bounds the memory."""
_PIECE: Final = 1 << 16
_WHITE_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_OUTSIDE: Final = re.compile(r'[^"\[\]{},:]*+')
"""Up to what may end the value."""
_INSIDE: Final = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""Up to the next bracket outside strings, or a string that the piece cuts off."""
_STRING: Final = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)


class JsonScanner:
    """Reads from the beginning of the file to its end. Raises `UnreadableFile` where the syntax gives no extent."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._buffer, self._at = file, "", 0
        self._depth, self._in_string = 0, False

    def peek(self) -> str:
        """The next character that is not white space, which is not consumed; empty at the end of the file."""
        while True:
            match = _WHITE_SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(self._at):
                return ""

    def elements(self) -> Iterator[str]:
        """The texts of the elements of an array. A text that is too long is cut off, but longer than `MAX_VALUE_LENGTH`."""
        if self.peek() != "[":
            raise UnreadableFile("The file must be one JSON array of objects.")
        self._at += 1
        number = 0
        while number or self.peek() != "]":
            number += 1
            yield self._value(f"element {number}")
            if (follows := self.peek()) == "]":
                break
            if follows != ",":
                raise UnreadableFile(f"Element {number} must be followed by a comma or the end of the array.")
            self._at += 1
        self._at += 1

    def members(self) -> Iterator[tuple[str, str]]:
        """The names and the texts of the members of an object, which are cut off like elements."""
        while (name := self._name()) is not None:
            yield name, self._value(f"the member {name}")

    def enter(self, name: str) -> bool:
        """Move to the value of the first member with this name. Returns whether the next value is an object that has one."""
        while self.peek() == "{" or self.peek() == ",":
            if (found := self._name()) is None or found == name:
                return found == name
            self._value(f"the member {found}")
        return False

    def _name(self) -> str | None:
        """The name of the next member. Its value follows. None after the last member."""
        if self.peek() not in ("{", ","):
            return None
        self._at += 1
        if self.peek() != '"':
            return None
        name = self._value("a name", end=":")
        self._at += 1
        return name.strip()[1:-1]

    def _value(self, what: str, end: str = ",") -> str:
        """The text up to `end` or a closing bracket outside of the value, which is not consumed."""
        self.peek()
        kept, length = list[str](), 0
        self._depth, self._in_string = 0, False
        while True:
            begin = self._at
            ended = self._advance(end)
            if length <= MAX_VALUE_LENGTH:
                kept.append(self._buffer[begin : self._at])
            length += self._at - begin
            if ended:
                return "".join(kept)
            if not self._more(self._at):
                raise UnreadableFile(f"The file ends within {what}.")

    def _advance(self, end: str) -> bool:
        """Move to the end of the value and return True, or as far as the piece says whether a character is inside of a string."""
        while self._at < len(self._buffer):
            pattern = _STRING if self._in_string else _INSIDE if self._depth else _OUTSIDE
            match = pattern.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            character = self._buffer[self._at : self._at + 1]
            if self._in_string and character == "\\":
                break  # the piece ends within an escape
            if not self._in_string and not self._depth and character and character in f"{end}]}}":
                return True
            self._count(character)
            self._at += len(character)
        return False

    def _count(self, character: str) -> None:
        if character == '"':
            self._in_string = not self._in_string
        elif not self._in_string and character:
            self._depth += (character in "[{") - (character in "]}")

    def _more(self, at: int) -> bool:
        """Read the next piece. The text before `at` is no longer needed."""
        piece = self._file.read(_PIECE)
        self._buffer, self._at = self._buffer[at:] + piece, 0
        return bool(piece)
