"""One change of one place in the source."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace the bytes from `start` to `end` of a file by `after`. `scope` is the class and function around it."""

    scope: str
    operator: str
    start: int
    end: int
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """An edit with its identity, which does not depend on line numbers: code may move without changing the sample."""

    path: str
    scope: str
    operator: str
    before: str
    after: str
    nth: int
    start: int
    end: int
    first_line: int
    last_line: int

    @property
    def id(self) -> str:
        """The same for the same change in the same function."""
        parts = (self.path, self.scope, self.operator, self.before, self.after, str(self.nth))
        return sha256("\0".join(parts).encode()).hexdigest()[:12]

    def rank(self, seed: int) -> bytes:
        """Where the mutation stands in the sample of `seed`: the lowest ranks are drawn."""
        return sha256(f"{seed} {self.id}".encode()).digest()


def mutations(path: str, source: bytes, edits: Iterable[Edit]) -> list[Mutation]:
    """`edits` of the file `path`, numbered where the same change is possible twice in a function."""
    seen: Counter[tuple[str, str, str, str]] = Counter()
    found = []
    for edit in edits:
        before = source[edit.start : edit.end].decode()
        key = (edit.scope, edit.operator, before, edit.after)
        found.append(
            Mutation(
                path=path, scope=edit.scope, operator=edit.operator, before=before, after=edit.after, nth=seen[key], start=edit.start, end=edit.end,
                first_line=source.count(b"\n", 0, edit.start) + 1, last_line=source.count(b"\n", 0, edit.end) + 1,
            )
        )  # fmt: skip
        seen[key] += 1
    return found


def apply(source: bytes, group: Sequence[Mutation]) -> bytes:
    """`source` with all of `group`, which are of one file and do not overlap. The lines keep their numbers."""
    for one in sorted(group, key=lambda mutation: -mutation.start):
        rest, line_end, following = source[one.end :].partition(b"\n")
        missing = b"\n" * (one.before.count("\n") - one.after.count("\n"))
        source = source[: one.start] + one.after.encode() + rest + missing + line_end + following
    return source
