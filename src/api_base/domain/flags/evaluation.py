"""Evaluation of flags, with the reasons and error codes of OpenFeature [specification, types: resolution reason, error code].

A flag is compiled when its snapshot is made: an evaluation makes no object, it chooses one of the prepared results. It never raises.
"""

import operator
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from hashlib import blake2b
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from api_base.domain.flags.definition import WHOLE, Condition, FlagDefinition, FlagType, FlagValue, Operator, Rule, check_graph


class Reason(StrEnum):
    """Why a flag has its value.

    STATIC: the flag has nothing to evaluate. DEFAULT: no rule matches. DISABLED: the flag is off, by its switch, its schedule or a prerequisite.
    """

    STATIC = "STATIC"
    DEFAULT = "DEFAULT"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DISABLED = "DISABLED"
    ERROR = "ERROR"


class FlagError(StrEnum):
    PROVIDER_NOT_READY = "PROVIDER_NOT_READY"
    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
    TYPE_MISMATCH = "TYPE_MISMATCH"


class Evaluation(NamedTuple):
    """The result for one context. Without a `variant` the default of the caller applies, and `value` has no meaning."""

    value: FlagValue | None
    variant: str | None
    reason: Reason
    error: FlagError | None = None


class Attributes(Protocol):
    """The attributes of an evaluation context; a mapping is one."""

    def get(self, name: str, /) -> object:
        """Return the attribute, or None."""


NOT_FOUND: Final = Evaluation(None, None, Reason.ERROR, FlagError.FLAG_NOT_FOUND)
TYPE_MISMATCH: Final = Evaluation(None, None, Reason.ERROR, FlagError.TYPE_MISMATCH)
NOT_READY: Final = Evaluation(None, None, Reason.ERROR, FlagError.PROVIDER_NOT_READY)

type _Test = Callable[[object], bool]
_BYTES: Final = 4
"""Of a digest."""
_MAX_BITS: Final = 64
"""Of an integer that buckets: Python refuses to write integers of thousands of digits."""


class Snapshot:
    """All flags at one time, immutable. Raises `Invalid` for prerequisites that `check_graph` refuses.

    `clock` returns Unix time in seconds; only flags with a schedule read it.
    """

    def __init__(self, definitions: Iterable[FlagDefinition], clock: Callable[[], float] = time.time) -> None:
        self.definitions: Mapping[str, FlagDefinition] = {definition.key: definition for definition in definitions}
        check_graph(self.definitions.values())
        self.client_keys: Mapping[str, None] = dict.fromkeys(sorted(key for key, flag in self.definitions.items() if flag.client))
        self._flags: dict[str, _Flag] = {}
        for key in self.definitions:
            self._compile(key, clock)

    def _compile(self, key: str, clock: Callable[[], float]) -> "_Flag":
        if (found := self._flags.get(key)) is None:
            definition = self.definitions[key]
            required = [(self._compile(one.key, clock), one.variant) for one in definition.prerequisites]
            found = self._flags[key] = _Flag(definition, required, clock)
        return found

    def evaluate(self, key: str, context: Attributes) -> Evaluation:
        """Return the value of a flag in its own type."""
        flag = self._flags.get(key)
        return NOT_FOUND if flag is None else flag.evaluate(context)

    def evaluate_as(self, key: str, kind: FlagType, context: Attributes) -> Evaluation:
        """Return the value of a flag as `kind`. Integers and floats convert where nothing is lost; any other type does not match."""
        flag = self._flags.get(key)
        if flag is None:
            return NOT_FOUND
        found = flag.evaluate(context)
        return found if flag.kind is kind or found.error is not None else _converted(found, flag.kind, kind)

    def dependants(self, keys: Iterable[str]) -> set[str]:
        """Return `keys` and the flags that have one of them as a prerequisite, directly or through others."""
        found = set(keys)
        while more := {
            key for key, flag in self.definitions.items() if key not in found and any(one.key in found for one in flag.prerequisites)
        }:
            found |= more
        return found


def _converted(found: Evaluation, kind: FlagType, wanted: FlagType) -> Evaluation:
    match kind, wanted, found.value:
        case FlagType.INTEGER, FlagType.FLOAT, int(value):
            return found._replace(value=float(value))
        case FlagType.FLOAT, FlagType.INTEGER, float(value) if value.is_integer():
            return found._replace(value=int(value))
        case (FlagType.INTEGER, FlagType.FLOAT, None) | (FlagType.FLOAT, FlagType.INTEGER, None):
            return found
    return TYPE_MISMATCH


class _Flag:
    __slots__ = ("_clock", "_default", "_ends", "_fixed", "_guarded", "_off", "_required", "_rules", "_starts", "_tenants", "kind")

    def __init__(self, flag: FlagDefinition, required: list[tuple["_Flag", str]], clock: Callable[[], float]) -> None:
        def result(variant: str | None, reason: Reason) -> Evaluation:
            return Evaluation(None if variant is None else flag.variants[variant], variant, reason)

        self.kind = flag.type
        self._off = result(flag.off_variant, Reason.DISABLED)
        self._starts = None if flag.starts_at is None else flag.starts_at.timestamp()
        self._ends = None if flag.ends_at is None else flag.ends_at.timestamp()
        self._tenants = frozenset(flag.tenants)
        self._required, self._clock = required, clock
        self._rules = [_compiled(rule, flag.key, result) for rule in flag.rules]
        limited = bool(required or flag.starts_at or flag.ends_at)
        dynamic, self._guarded = bool(limited or flag.rules), bool(limited or flag.tenants)
        self._default = result(flag.default_variant, Reason.DEFAULT if dynamic else Reason.STATIC)
        self._fixed = self._off if not flag.enabled else None if dynamic else self._default

    def evaluate(self, context: Attributes) -> Evaluation:
        if self._guarded:
            if self._tenants and not self._exists_for(context.get("tenant")):
                return NOT_FOUND
            if self._fixed is None and self._is_off(context):
                return self._off
        if self._fixed is not None:
            return self._fixed
        for rule in self._rules:
            if (found := rule(context)) is not None:
                return found
        return self._default

    def _exists_for(self, tenant: object) -> bool:
        return isinstance(tenant, str) and tenant in self._tenants

    def _is_off(self, context: Attributes) -> bool:
        if self._starts is not None or self._ends is not None:
            now = self._clock()
            if (self._starts is not None and now < self._starts) or (self._ends is not None and now >= self._ends):
                return True
        for flag, variant in self._required:
            found = flag.evaluate(context)
            if found.variant != variant or found.reason is Reason.DISABLED:
                return True
        return False


def _compiled(rule: Rule, key: str, result: Callable[[str | None, Reason], Evaluation]) -> Callable[[Attributes], Evaluation | None]:
    conditions = [(one.attribute, _test(one)) for one in rule.conditions]
    split = None if rule.split is None else _compiled_split(rule, rule.split, key, result)
    match = None if rule.variant is None else result(rule.variant, Reason.TARGETING_MATCH)
    if split is not None and not conditions:
        return split

    def evaluate(context: Attributes) -> Evaluation | None:
        for attribute, holds in conditions:
            if not holds(context.get(attribute)):
                return None
        return match if split is None else split(context)

    return evaluate


def _compiled_split(
    rule: Rule, split: Mapping[str, int], key: str, result: Callable[[str | None, Reason], Evaluation]
) -> Callable[[Attributes], Evaluation | None]:
    names = sorted(split)
    bounds = [_bound(total) for total in accumulate(split[name] for name in names)]
    results = [result(name, Reason.SPLIT) for name in names]
    salted, attribute = blake2b((rule.salt or key).encode() + b"\0", digest_size=_BYTES), rule.bucket_by

    def choose(context: Attributes) -> Evaluation | None:
        value = context.get(attribute)
        if not isinstance(value, str):
            if not isinstance(value, int) or isinstance(value, bool) or value.bit_length() > _MAX_BITS:
                return None
            value = str(value)
        digest = salted.copy()  # half the time of a new one
        digest.update(value.encode("utf-8", "surrogatepass"))
        return results[bisect_right(bounds, digest.digest())]

    return choose


def _bound(total: int) -> bytes:
    """Return what is greater than this share of all digests. Bytes compare as the integers that they write; that of the whole is longer."""
    return (total * 256**_BYTES // WHOLE).to_bytes(_BYTES) if total < WHOLE else b"\xff" * (_BYTES + 1)


def _test(condition: Condition) -> _Test:
    one = _TESTS[condition.operator](condition)

    def holds(value: object) -> bool:
        if isinstance(value, (list, tuple)):
            return any(one(element) for element in value)
        return one(value)

    if condition.operator is not Operator.NOT_IN:
        return holds

    return lambda value: value is not None and not holds(value)


def _equals(condition: Condition) -> _Test:
    """JSON's equality: 1 is 1.0, but not true."""
    texts = frozenset(value for value in condition.values if isinstance(value, str))
    truths = frozenset(value for value in condition.values if isinstance(value, bool))
    numbers = frozenset(value for value in condition.values if isinstance(value, (int, float)) and not isinstance(value, bool))

    def test(value: object) -> bool:
        if isinstance(value, str):
            return value in texts
        if isinstance(value, bool):
            return value in truths
        return isinstance(value, (int, float)) and value in numbers

    return test


def _text(compare: Callable[[str, str], bool]) -> Callable[[Condition], _Test]:
    def make(condition: Condition) -> _Test:
        texts = [value for value in condition.values if isinstance(value, str)]
        return lambda value: isinstance(value, str) and any(compare(value, text) for text in texts)

    return make


def _order(compare: Callable[[float, float], bool]) -> Callable[[Condition], _Test]:
    def make(condition: Condition) -> _Test:
        limits = [value for value in condition.values if isinstance(value, (int, float))]
        return lambda value: (
            isinstance(value, (int, float)) and not isinstance(value, bool) and any(compare(value, limit) for limit in limits)
        )

    return make


_TESTS: Final[Mapping[Operator, Callable[[Condition], _Test]]] = {
    Operator.IN: _equals,
    Operator.NOT_IN: _equals,
    Operator.STARTS_WITH: _text(str.startswith),
    Operator.ENDS_WITH: _text(str.endswith),
    Operator.CONTAINS: _text(operator.contains),
    Operator.GREATER: _order(operator.gt),
    Operator.GREATER_OR_EQUAL: _order(operator.ge),
    Operator.LESS: _order(operator.lt),
    Operator.LESS_OR_EQUAL: _order(operator.le),
}
