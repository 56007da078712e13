"""The function of a route as an older version has it: with the older parameters and result, around the newest function."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi.params import Depends
from pydantic import BaseModel

from api_base.application.common.listing import Field, Fields, ListRequest, OffsetPage, Page
from api_base.core.errors import Invalid
from api_base.interface.routes import ListQuery
from api_base.interface.routes.renaming import OLDER_RESULT
from api_base.interface.versioning.changes import Change
from api_base.interface.versioning.shapes import Shapes


def older_endpoint(endpoint: Callable[..., Any], shapes: Shapes) -> Callable[..., Any]:
    """Return the function in the older shape; itself if nothing changed for it."""
    hints = get_type_hints(endpoint, include_extras=True)
    result = hints.pop("return", None)
    listed = get_args(result)[0] if get_origin(result) in (Page, OffsetPage) else None
    older = {name: _parameter(hint, shapes, shapes.changes_of(listed)) for name, hint in hints.items()}
    older_result = shapes.of(result)
    if older_result is result and all(older[name] is hint for name, hint in hints.items()):
        return endpoint
    bodies = [name for name, hint in hints.items() if older[name] is not hint and isinstance(hint, type) and issubclass(hint, BaseModel)]
    body = next((hint for hint in hints.values() if isinstance(hint, type) and issubclass(hint, BaseModel)), None)

    @wraps(endpoint)
    async def of_version(**given: Any) -> Any:
        try:
            for name in bodies:
                given[name] = shapes.asked(given[name])
            answer = await endpoint(**given)
        except Invalid as error:
            raise shapes.located(error, body) from None
        return shapes.shown(answer, lambda pointer: shapes.pointer(pointer, body))

    parameters = [
        one.replace(annotation=older.get(name, one.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
        for name, one in inspect.signature(endpoint).parameters.items()
    ]
    setattr(of_version, "__signature__", inspect.Signature(parameters, return_annotation=older_result))  # noqa: B010 -- mypy knows no such attribute of a function
    of_version.__annotations__ = older | {"return": older_result}
    of_version.__dict__[OLDER_RESULT] = older_result
    return of_version


def _parameter(hint: Any, shapes: Shapes, changes: Sequence[Change]) -> Any:
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    listing = next((one.dependency for one in marks if isinstance(one, Depends) and isinstance(one.dependency, ListQuery)), None)
    if listing is not None and changes:
        return Annotated[get_args(hint)[0], Depends(older_list(listing, changes))]
    return shapes.of(hint) if isinstance(hint, type) and issubclass(hint, BaseModel) else hint


def older_list(listing: ListQuery, changes: Sequence[Change]) -> ListQuery:
    """Return a list that is filtered and sorted by the fields before `changes`, the newest first."""
    declared: Sequence[Field] = list(listing.fields)
    stages: list[tuple[Change, Mapping[str, Field]]] = []
    for change in changes:
        stages.append((change, {one.name: one for one in declared}))
        declared = change.fields(declared)

    def newest(request: ListRequest) -> ListRequest:
        for change, newer in reversed(stages):
            request = request.on_other_fields(partial(change.comparisons, newer=newer), change.sorts)
        return request

    return replace(listing, fields=Fields(*declared, default_sort=()), newest=newest)
