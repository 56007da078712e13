"""Reading an expected outcome."""

from api_base.core.types import Err, Result


def unwrap[T, E: Exception](result: Result[T, E]) -> T:
    """Return the value. Raises the error of a refusal, whose state change is already committed."""
    if isinstance(result, Err):
        try:
            raise result.error
        finally:
            del result  # the error has this frame in its traceback
    return result.value
