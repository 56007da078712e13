"""The provider of OpenFeature [specification, section 2] over the flags of this process.

`openfeature.api.set_provider(FlagProvider(current))` makes every client of OpenFeature read them. The targeting key is the attribute `user`.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from threading import Event
from types import MappingProxyType
from typing import Any, Final

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import FlagMetadata, FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

from api_base.application.services.feature_flags import CurrentFlags
from api_base.domain.flags import evaluation
from api_base.domain.flags.definition import USER, FlagType
from api_base.domain.flags.evaluation import FlagError

PATIENCE: Final = 5.0
"""Seconds that `initialize` waits for the first snapshot."""

_ERRORS: Final = {
    FlagError.PROVIDER_NOT_READY: (ErrorCode.PROVIDER_NOT_READY, "No snapshot of the flags has arrived yet"),
    FlagError.FLAG_NOT_FOUND: (ErrorCode.FLAG_NOT_FOUND, "No such flag exists for this tenant"),
    FlagError.TYPE_MISMATCH: (ErrorCode.TYPE_MISMATCH, "The flag has another type"),
}
_METADATA: Final = Metadata(name="api-base")
_NO_METADATA: Final[FlagMetadata] = MappingProxyType({})
_NOTHING: Final[Mapping[str, object]] = {}

type Structure = Sequence[FlagValueType] | Mapping[str, FlagValueType]


class FlagProvider(AbstractProvider):
    """Evaluates in process, without waiting. It can be initialized again after `shutdown`."""

    def __init__(self, current: CurrentFlags, patience: float = PATIENCE) -> None:
        super().__init__()
        self._current, self._patience = current, patience
        self._arrived, self._open, self._waiting = Event(), False, False

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Wait for the first snapshot. Raises `ProviderNotReadyError` when the patience ends; the provider is ready when one arrives later."""
        del evaluation_context
        self._open = self._waiting = True
        self._current.unsubscribe(self)
        self._current.subscribe(self)
        if self._current.snapshot is None:
            self._arrived.wait(self._patience)
        self._waiting = False
        if self._current.snapshot is None:
            raise ProviderNotReadyError(f"No snapshot of the flags has arrived within {self._patience} seconds")

    def shutdown(self) -> None:
        """Evaluate nothing until the next `initialize`."""
        self._current.unsubscribe(self)
        self._open = False
        self._arrived.clear()

    def get_metadata(self) -> Metadata:
        return _METADATA

    def ready(self) -> None:
        self._arrived.set()
        if not self._waiting:  # otherwise OpenFeature states it, when `initialize` returns
            self.emit_provider_ready(ProviderEventDetails())

    def stale(self, reason: str) -> None:
        self.emit_provider_stale(ProviderEventDetails(message=reason))

    def changed(self, keys: Collection[str]) -> None:
        self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=list(keys)))

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        return self._resolve(FlagType.BOOLEAN, flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        return self._resolve(FlagType.STRING, flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        return self._resolve(FlagType.INTEGER, flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        return self._resolve(FlagType.FLOAT, flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self, flag_key: str, default_value: Structure, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[Structure]:
        found = self._resolve(FlagType.OBJECT, flag_key, default_value, evaluation_context)
        found.value = deepcopy(found.value)
        return found

    def _resolve[T](self, kind: FlagType, key: str, default: T, context: EvaluationContext | None) -> FlagResolutionDetails[T]:
        attributes = _NOTHING if context is None else context.attributes
        if context is not None and context.targeting_key is not None:
            attributes = {**attributes, USER: context.targeting_key}
        found = self._current.evaluate(key, kind, attributes) if self._open else evaluation.NOT_READY
        if found.error is not None:
            code, message = _ERRORS[found.error]
            return FlagResolutionDetails(default, code, message, found.reason, None, _NO_METADATA)
        value: Any = default if found.variant is None else found.value
        return FlagResolutionDetails(value, None, None, found.reason, found.variant, _NO_METADATA)
