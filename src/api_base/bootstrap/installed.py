"""The contexts of this installation: those that come with the base, and those that installed packages announce.

A package announces one under the entry point group `api_base.contexts` (`invoices = "my_package.context:INVOICES"`), and
`api-base serve`, `worker` and `migrate` know it. https://packaging.python.org/en/latest/specifications/entry-points/
"""

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Final

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import ConfigurationError

GROUP: Final = "api_base.contexts"


def installed_contexts() -> Sequence[Context]:
    """Built-in contexts first, the others by name. Raises `ConfigurationError` for one that is not a `Context`."""
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        context = point.load()
        if not isinstance(context, Context):
            raise ConfigurationError(f"The entry point {point.name!r} of {GROUP} ({point.value}) is not a Context.")
        found.append(context)
    return [*BUILT_IN, *found]
