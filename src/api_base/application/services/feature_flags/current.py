"""The flags that this process serves: the last snapshot that its source delivered, also while the source is away."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from api_base.application.services.feature_flags.exposures import Exposures
from api_base.core.errors import ProgrammingError
from api_base.domain.flags.definition import FlagDefinition, FlagType, FlagValue
from api_base.domain.flags.evaluation import NOT_READY, Attributes, Evaluation, Snapshot

_TYPES: Final[Mapping[type, FlagType]] = {
    bool: FlagType.BOOLEAN,
    str: FlagType.STRING,
    int: FlagType.INTEGER,
    float: FlagType.FLOAT,
    dict: FlagType.OBJECT,
}


class FlagListener(Protocol):
    """Is notified of the state of the flags, in the thread that changes it."""

    def ready(self) -> None:
        """The first snapshot has arrived, or the source is back."""

    def stale(self, reason: str) -> None:
        """The source is away: the flags may be older than they should be."""

    def changed(self, keys: Collection[str]) -> None:
        """The definitions of these flags have changed, or of flags that they depend on."""


class CurrentFlags:
    """Its source calls `replace` and `mark_stale`; an evaluation never waits for it. Before the first snapshot, each flag is NOT_READY."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.stale_reason: str | None = None
        self.exposures = Exposures()
        self._delivered: Snapshot | None = None
        self._forced: Mapping[str, FlagValue] = {}
        self._listeners: list[FlagListener] = []

    def evaluate(self, key: str, kind: FlagType, context: Attributes) -> Evaluation:
        """Return the value of a flag as `kind`, and record the exposure."""
        snapshot = self.snapshot
        found = NOT_READY if snapshot is None else snapshot.evaluate_as(key, kind, context)
        if found.error is None:
            exposures = self.exposures
            exposures.counts[key, found.variant] += 1
            if key in exposures.tracked:
                exposures.record(key, found.variant, context)
        return found

    def replace(self, snapshot: Snapshot) -> None:
        """Serve `snapshot` from now on. The source is back if it was away."""
        was_away, self.stale_reason = self.stale_reason is not None, None
        self._serve(snapshot, was_away)

    def _serve(self, delivered: Snapshot | None, was_away: bool) -> None:
        """Serve what the source delivered, with the values that are forced."""
        self._delivered, before = delivered, self.snapshot
        after = self.snapshot = _with_forced(delivered, self._forced) if self._forced else delivered
        if after is None:
            return
        changed = [] if before is None else _changed(before, after)
        for listener in tuple(self._listeners):
            if changed:
                listener.changed(changed)
            if was_away or before is None:
                listener.ready()

    def mark_stale(self, reason: str) -> None:
        """State that the source is away, and why. The last snapshot is served until it is back."""
        if self._delivered is not None and self.stale_reason is None:
            self.stale_reason = reason
            for listener in tuple(self._listeners):
                listener.stale(reason)

    def mark_fresh(self) -> None:
        """State that the source is back and has nothing newer."""
        if self._delivered is not None and self.stale_reason is not None:
            self.replace(self._delivered)

    def subscribe(self, listener: FlagListener) -> None:
        """Notify `listener` from now on."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: FlagListener) -> None:
        """Notify `listener` no more; it may be unknown."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    @contextmanager
    def forced(self, values: Mapping[str, FlagValue]) -> Iterator[None]:
        """Serve these values to everybody, for a test: `with flags.forced({"new-checkout": True}):`. Other flags are those of the source."""
        before, self._forced = self._forced, {**self._forced, **values}
        try:
            self._serve(self._delivered, was_away=False)
            yield
        finally:
            self._forced = before
            self._serve(self._delivered, was_away=False)


def _with_forced(delivered: Snapshot | None, values: Mapping[str, FlagValue]) -> Snapshot:
    definitions = {} if delivered is None else dict(delivered.definitions)
    return Snapshot((definitions | {key: _forced(key, value, definitions.get(key)) for key, value in values.items()}).values())


def _forced(key: str, value: FlagValue, before: FlagDefinition | None) -> FlagDefinition:
    """Return a flag with this value alone, under its own variant if it has one: prerequisites may name it."""
    if (kind := _TYPES.get(type(value))) is None:
        raise ProgrammingError(f"The flag {key} cannot be forced to a {type(value).__name__}. Use bool, str, int, float or dict.")
    variants = dict(before.variants) if before is not None and before.type is kind else {}
    name = next((name for name, one in variants.items() if one == value), "forced")
    client = before is not None and before.client
    return FlagDefinition(key=key, type=kind, variants=variants | {name: value}, default_variant=name, client=client)


def _changed(before: Snapshot, after: Snapshot) -> list[str]:
    old, new = before.definitions, after.definitions
    keys = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    return sorted(after.dependants(keys))
