"""Models that are made of others, which may contain themselves or each other."""

import re
from collections.abc import Callable
from typing import Any, ForwardRef, get_type_hints

from pydantic import BaseModel


class UnfinishedModels:
    """Holds a reference for each model of which another one is being made: it stands in the fields of those that are made meanwhile."""

    def __init__(self) -> None:
        self._references: dict[type[BaseModel], ForwardRef] = {}
        self._made: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._references)

    def reference(self, model: Any) -> ForwardRef | None:
        """Return what stands for the model that is being made of this one; None for any other type."""
        return self._references.get(model)

    def made(self, model: type[BaseModel], make: Callable[[], type[BaseModel]]) -> type[BaseModel]:
        """Return what `make` makes of a model. With the last one, all get their types in the place of references."""
        reference = self._references[model] = ForwardRef(f"made_of_{re.sub(r'\W', '_', model.__name__)}_{id(model)}")
        try:
            made = self._made[reference.__forward_arg__] = make()
        finally:
            del self._references[model]
            finished = self._made
            if not self._references:
                self._made = {}
        if not self._references:
            for one in [one for one in finished.values() if not one.__pydantic_complete__]:
                one.model_rebuild(_types_namespace=finished)
                hints = get_type_hints(one, localns=finished, include_extras=True)
                one.__annotations__ = {name: hints[name] for name in one.__annotations__}
        return made
