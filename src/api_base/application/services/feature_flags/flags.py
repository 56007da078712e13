"""`FeatureFlags`: the typed interface to flags for product code. The caller states the value that applies without the flag."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

from api_base.application.services.feature_flags.context import RequestAttributes
from api_base.application.services.feature_flags.current import CurrentFlags
from api_base.domain.flags.definition import FlagType


class FeatureFlags:
    """Evaluates flags for the principal of the current request.

    Each method returns `default` for an unknown flag, for one of another type, for one that is off without an `off_variant`, and before the
    first snapshot. It never raises and never waits.
    """

    def __init__(self, current: CurrentFlags) -> None:
        self._evaluate = current.evaluate

    def enabled(self, key: str, default: bool = False) -> bool:
        """Return the value of a boolean flag."""
        return self._value(key, FlagType.BOOLEAN, default)

    def string(self, key: str, default: str) -> str:
        """Return the value of a string flag."""
        return self._value(key, FlagType.STRING, default)

    def integer(self, key: str, default: int) -> int:
        """Return the value of an integer flag, or of a float flag without a fraction."""
        return self._value(key, FlagType.INTEGER, default)

    def number(self, key: str, default: float) -> float:
        """Return the value of a float flag or integer flag."""
        return self._value(key, FlagType.FLOAT, default)

    def mapping(self, key: str, default: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the value of an object flag: a copy."""
        return deepcopy(self._value(key, FlagType.OBJECT, default))

    def _value[T](self, key: str, kind: FlagType, default: T) -> T:
        found = self._evaluate(key, kind, RequestAttributes())
        return default if found.variant is None else cast("T", found.value)
