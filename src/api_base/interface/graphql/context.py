"""The context of one operation: the bus, and the loaders that collect what fields ask for into one query each."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from strawberry.dataloader import DataLoader

from api_base.application.common.cqrs import Bus
from api_base.core.types import current_context
from api_base.interface.graphql.sessions import LiveSession

MAX_BATCH: Final = 200
"""Keys of one query: the largest page."""

type Load = Callable[[list[Any]], Any]


class GraphQLContext:
    """One for each operation, and for each event of a subscription, so that it never shows what an earlier event loaded.

    `session` is that of the connection, which delivers events to subscriptions; an anonymous caller has none.

    Every value is loaded by the bus, as the principal of the current request, which is part of the key of a loader: a context that is used
    for another principal by mistake shares nothing with it.
    """

    def __init__(self, bus: Bus, session: LiveSession | None = None) -> None:
        self.bus, self.session = bus, session
        self._loaders: dict[tuple[object, ...], DataLoader[Any, Any]] = {}

    def loader(self, name: object, load: Callable[[Sequence[Any]], Any]) -> DataLoader[Any, Any]:
        """Return the loader of this operation, tenant and user that `name` stands for."""
        context = current_context.get()
        key = (name, context.tenant_id, context.user_id)
        found = self._loaders.get(key)
        if found is None:
            found = self._loaders[key] = DataLoader(load_fn=load, max_batch_size=MAX_BATCH)
        return found
