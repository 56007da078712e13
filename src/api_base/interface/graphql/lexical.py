"""Limits on the tokens of a document, counted in one pass before anything is parsed: the time is linear, whatever the document contains."""

import re
from typing import Final

from api_base.interface.graphql.refused import LimitExceeded

MAX_ALIASES: Final = 30
MAX_DIRECTIVES: Final = 50
MAX_DIRECTIVES_PER_FIELD: Final = 5
MAX_FIELDS: Final = 300
"""Fields of a document; and fields, spreads and inline fragments after the expansion of its fragments."""
MAX_FRAGMENTS: Final = 50
"""Definitions, spreads and inline fragments together."""
MAX_INPUT_DEPTH: Final = 10
"""Levels of lists and objects in an argument."""
MAX_INPUT_VALUES: Final = 500
"""Tokens in the arguments of one field, or in the variables of an operation."""
MAX_OPERATIONS: Final = 10

_TOKEN: Final = re.compile(
    r'[_A-Za-z][_0-9A-Za-z]*+|\.\.\.|"""(?:[^"\\]|\\"""|\\|"(?!""))*+(?:""")?|"(?:[^"\\\n\r]|\\.)*+"?|-?[0-9][0-9.eE+-]*+|#[^\n\r]*+|[^\s,\ufeff]'
)
"""A token [GraphQL, section 2.1.6], or a comment. A string without an end is one token, so that no part of the text is read twice."""
_OPERATIONS: Final = frozenset({"query", "mutation", "subscription"})
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")


def check_tokens(source: str, *, max_tokens: int, max_depth: int) -> int:
    """Return the number of tokens. Raises `LimitExceeded` at the first token beyond a limit."""
    scan, tokens = _Scan(max_depth), 0
    for match in _TOKEN.finditer(source):
        tokens += 1
        if tokens > max_tokens:
            raise LimitExceeded("tokens", max_tokens, f"The document has more than {max_tokens} tokens")
        lexeme = match[0]
        if lexeme[0] != "#":
            scan.read(lexeme)
    return tokens


class _Scan:
    """Counts what the tokens are. `run` are the directives since the last field, `previous` is the token before."""

    __slots__ = (
        "aliases", "depth", "directives", "fields", "fragments", "inputs", "max_depth", "operations", "parentheses", "previous", "run", "values",
    )  # fmt: skip

    def __init__(self, max_depth: int) -> None:
        self.aliases = self.depth = self.directives = self.fields = self.fragments = self.inputs = 0
        self.operations = self.parentheses = self.run = self.values = 0
        self.max_depth, self.previous = max_depth, ""

    def read(self, lexeme: str) -> None:
        """Count one token."""
        if lexeme == "(":
            self.parentheses, self.values, self.inputs = self.parentheses + 1, 0, 0
        elif lexeme == ")":
            self.parentheses = max(0, self.parentheses - 1)
        elif lexeme == "@":
            self._directive()
        elif self.parentheses:
            self._input(lexeme)
        elif lexeme == "{":
            self.depth, self.run = self.depth + 1, 0
            _limit("depth", self.depth, self.max_depth, "is nested deeper than {} levels")
            if self.depth == 1 and self.previous in ("", "}"):
                self._operation()
        elif lexeme == "}":
            self.depth, self.run = self.depth - 1, 0
        elif self.previous != "@":
            self._selection(lexeme)
        self.previous = lexeme

    def _directive(self) -> None:
        self.directives, self.run = self.directives + 1, self.run + 1
        _limit("directives", self.directives, MAX_DIRECTIVES, "has more than {} directives")
        _limit("directives_per_field", self.run, MAX_DIRECTIVES_PER_FIELD, "has a field or definition with more than {} directives")

    def _input(self, lexeme: str) -> None:
        self.values += 1
        _limit("input_values", self.values, MAX_INPUT_VALUES, "has arguments of more than {} tokens")
        if lexeme in _OPENING:
            self.inputs += 1
            _limit("input_depth", self.inputs, MAX_INPUT_DEPTH, "has an argument that is nested deeper than {} levels")
        elif lexeme in _CLOSING:
            self.inputs -= 1
        elif lexeme == "$":
            self.run = 0

    def _selection(self, lexeme: str) -> None:
        self.run = 0
        if lexeme == ":":
            self.aliases += 1
            _limit("aliases", self.aliases, MAX_ALIASES, "has more than {} aliases")
        elif lexeme == "..." or (lexeme == "fragment" and not self.depth):
            self.fragments += 1
            _limit("fragments", self.fragments, MAX_FRAGMENTS, "has more than {} fragments and spreads")
        elif not self.depth:
            if lexeme in _OPERATIONS and self.previous in ("", "}"):
                self._operation()
        elif self.previous not in ("...", "on", ":"):
            self.fields += 1
            _limit("fields", self.fields, MAX_FIELDS, "has more than {} fields")

    def _operation(self) -> None:
        self.operations += 1
        _limit("operations", self.operations, MAX_OPERATIONS, "has more than {} operations")


def _limit(name: str, count: int, maximum: int, what: str) -> None:
    if count > maximum:
        raise LimitExceeded(name, maximum, f"The document {what.format(maximum)}")
