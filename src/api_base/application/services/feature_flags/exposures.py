"""What was evaluated since the last report: counts for each variant, and of flags that are tracked, who got which variant.

Evaluations only add to it; the process reports it in batches (infrastructure/flags/exposures.py). Its size is bounded: the counts by the
variants of the flags, the exposures by `MAX_EXPOSURES`, beyond which they are dropped and counted.
"""

from collections import defaultdict
from typing import Final, NamedTuple

from api_base.domain.common.text import UNSTORABLE
from api_base.domain.flags.evaluation import Attributes

MAX_EXPOSURES: Final = 10_000
CALLERS_DEFAULT: Final = ""
"""Stands for the variant of a flag that is off and has no `off_variant`."""


class Exposure(NamedTuple):
    """Somebody got a variant. `tenant` and `user` are attributes of the evaluation, with U+FFFD for what PostgreSQL cannot store; empty without them."""

    flag: str
    variant: str
    tenant: str
    user: str


class Report(NamedTuple):
    """`counts` are evaluations by flag and variant. Each exposure occurs once, however often it happened."""

    counts: dict[tuple[str, str], int]
    exposures: list[Exposure]
    dropped: int


class Exposures:
    """`tracked` are the keys of the flags whose exposures are reported, `counts` the evaluations by flag and variant."""

    def __init__(self) -> None:
        self.tracked: frozenset[str] = frozenset()
        self.counts: defaultdict[tuple[str, str | None], int] = defaultdict(int)
        self._seen: dict[Exposure, None] = {}
        self._dropped = 0

    def record(self, key: str, variant: str | None, context: Attributes) -> None:
        """Add who got a variant of a flag that is tracked."""
        exposure = Exposure(key, variant or CALLERS_DEFAULT, _text(context.get("tenant")), _text(context.get("user")))
        if len(self._seen) < MAX_EXPOSURES:
            self._seen[exposure] = None
        elif exposure not in self._seen:
            self._dropped += 1

    def take(self) -> Report:
        """Return what was added since the last call: copies, to which a thread that is recording adds nothing."""
        counts = {(key, variant or CALLERS_DEFAULT): count for (key, variant), count in self.counts.copy().items()}
        report = Report(counts, list(self._seen), self._dropped)
        self.counts, self._seen, self._dropped = defaultdict(int), {}, 0
        return report


def _text(value: object) -> str:
    return UNSTORABLE.sub("\ufffd", value[:MAX_TEXT]) if isinstance(value, str) else ""


MAX_TEXT: Final = 255
"""Characters of a tenant or user."""
