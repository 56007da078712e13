"""Flags for clients outside the service: only those that are marked `client`, for the caller of the request."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from api_base.application.common.cqrs import AUTHENTICATED, Query
from api_base.application.services.feature_flags.context import IDENTITY, RequestAttributes
from api_base.application.services.feature_flags.current import CurrentFlags
from api_base.core.errors import Unavailable
from api_base.domain.flags.definition import FlagValue
from api_base.domain.flags.evaluation import Evaluation, Reason, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFlag:
    """The result for the caller. Without a `variant`, the default in the code of the client applies, and `value` has no meaning."""

    key: str
    value: FlagValue | None
    variant: str | None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFlags:
    """All flags of the caller, by key. `tag` is a digest of them, of the caller and of the context."""

    flags: Sequence[ClientFlag]
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateFlag(Query[ClientFlag | None]):
    """Evaluate one flag; None for one that does not exist for the caller. `context` is JSON from the client, and never says who the caller is."""

    permission = AUTHENTICATED

    key: str
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateFlags(Query[ClientFlags]):
    """Evaluate all flags that exist for the caller. `context` is as in `EvaluateFlag`."""

    permission = AUTHENTICATED

    context: Mapping[str, Any]


class EvaluateFlagHandler:
    def __init__(self, current: CurrentFlags) -> None:
        self._current = current

    async def handle(self, query: EvaluateFlag) -> ClientFlag | None:
        """Evaluate as product code does: who reads one flag is served by it. Who reads all of them need not use any."""
        snapshot, attributes = _snapshot(self._current), RequestAttributes(query.context)
        if query.key not in snapshot.client_keys:
            return None
        return _shown(query.key, self._current.evaluate(query.key, snapshot.definitions[query.key].type, attributes))


class EvaluateFlagsHandler:
    def __init__(self, current: CurrentFlags) -> None:
        self._current = current

    async def handle(self, query: EvaluateFlags) -> ClientFlags:
        snapshot, attributes = _snapshot(self._current), RequestAttributes(query.context)
        found = [_shown(key, snapshot.evaluate(key, attributes)) for key in snapshot.client_keys]
        flags = [flag for flag in found if flag is not None]
        caller = [attributes.get(name) for name in sorted(IDENTITY)]
        content = [caller, query.context, [(flag.key, flag.variant, flag.value, flag.reason) for flag in flags]]
        return ClientFlags(flags=flags, tag=blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest())


def _snapshot(current: CurrentFlags) -> Snapshot:
    if current.snapshot is None:
        raise Unavailable("The flags have not been loaded yet. Try again in a moment.")
    return current.snapshot


def _shown(key: str, found: Evaluation) -> ClientFlag | None:
    return None if found.error is not None else ClientFlag(key=key, value=found.value, variant=found.variant, reason=found.reason)
