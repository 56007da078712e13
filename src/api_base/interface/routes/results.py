"""Results at the edge."""

from api_base.core.types import Err, Result


def unwrap[T, E: Exception](result: Result[T, E]) -> T:
    """The value, or the refusal raised as an error: its state change is committed already."""
    if isinstance(result, Err):
        raise result.error
    return result.value
