"""What a context names by an import path (`package.module:NAME`), so that it is imported only where it is used."""

from importlib import import_module

from api_base.core.errors import ConfigurationError
from api_base.core.shared.places import raised_at


def named[T](context: str, field: str, path: str, kind: type[T]) -> T:
    """Import what `field` of a context names. Raises `ConfigurationError` for what cannot be imported or is not of this `kind`."""
    module, _, attribute = path.partition(":")
    try:
        found: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"The context {context!r}: {field}={path!r} cannot be imported: {error}. Write package.module:NAME."
        ) from error
    except Exception as error:  # raised by the code of the context
        raise ConfigurationError(
            f"The context {context!r}: {field}={path!r} cannot be imported. {raised_at(error, module)}: {type(error).__name__}: "
            f"{str(error).rstrip('.')}."
        ) from error
    if not isinstance(found, kind):
        raise ConfigurationError(f"The context {context!r}: {field}={path!r} must be a {kind.__name__}, not {type(found).__name__}.")
    return found
