"""Merge patches of an older version: a value that a client sends back as it was shown changes nothing, whatever newer value is stored."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from api_base.core.errors import Forbidden, NotFound
from api_base.core.shared.signatures import hints
from api_base.interface.routes import ExpectedVersion, OptionalVersion
from api_base.interface.versioning.shapes import Shapes

_NOTHING: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What a client was shown: `read` returns it for the parameters `names` of the patch. `expected` is that with the version of If-Match, if any."""

    read: Callable[..., Any]
    names: Sequence[str]
    expected: str | None

    @classmethod
    def of(cls, read: Callable[..., Any], patch: Callable[..., Any]) -> Self | None:
        """Return how a patch reads what it changes; None if `read` takes something that the patch does not."""
        taken = [name for name, one in inspect.signature(read).parameters.items() if one.default is one.empty]
        asked, given = hints(read), hints(patch)
        if any(name not in given or given[name] != asked.get(name) for name in taken):
            return None
        expected = next((name for name, hint in given.items() if hint in (ExpectedVersion, OptionalVersion)), None)
        return cls(read=read, names=taken, expected=expected)

    async def asked(self, body: Any, given: Mapping[str, Any], shapes: Shapes) -> Any:
        """Return the newest body of a patch with the parameters `given`, without the values that are as the client was shown them. A field that the
        newest body requires has what is stored.

        Without a version in If-Match, the patch counts as one from before any change that another request makes meanwhile.
        """
        shown = await self._shown(body, given, shapes)
        if shown is None:
            return shapes.asked(body, "body")
        newest, inexact = shapes.newest(type(body)), shapes.inexact(type(body))
        found = same(body, shown, shapes)
        required = {name for name in found if any(newest.model_fields[one].is_required() for one in inexact[name])}
        kept = body.model_fields_set - (found - required)
        made = shapes.asked(type(body).model_construct(_fields_set=kept, **{name: getattr(body, name) for name in kept}), "body")
        return made.model_copy(update={one: getattr(shown, one) for name in required for one in inexact[name]})

    async def _shown(self, body: Any, given: Mapping[str, Any], shapes: Shapes) -> Any:
        """Return the newest result; None if no sent value could be that of several newer ones, if the patch is of another version, or if the client may
        not read it.
        """
        if not isinstance(body, BaseModel) or not shapes.inexact(type(body)).keys() & body.model_fields_set:
            return None
        try:
            shown = await self.read(**{name: given[name] for name in self.names})
        except (NotFound, Forbidden):
            return None
        expected = None if self.expected is None else given[self.expected]
        return shown if expected in (None, getattr(shown, "version", None)) else None


def same(body: BaseModel, newest: Any, shapes: Shapes) -> set[str]:
    """Return the fields of an older body whose values are shown for several newer ones, and are those that `newest`, a result, is shown with."""
    shown = shapes.shown(newest, str)
    names = shapes.inexact(type(body)).keys() & body.model_fields_set
    return {name for name in names if _plain(getattr(shown, name, _NOTHING)) == _plain(getattr(body, name))}


def unchanged(body: BaseModel, newest: Any, shapes: Shapes) -> Collection[str]:
    """Return the newest fields that the fields of `same` became."""
    inexact = shapes.inexact(type(body))
    return {one for name in same(body, newest, shapes) for one in inexact[name]}


def _plain(value: Any) -> Any:
    return value if value is _NOTHING else to_jsonable_python(value, by_alias=False, fallback=id)  # what has no JSON differs
