"""The function of a route as an older version has it: with the older parameters and result, around the newest function."""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi.params import Depends
from pydantic import BaseModel

from api_base.application.common.listing import OffsetPage, Page
from api_base.core.errors import Invalid, NotFound, Taken
from api_base.interface.routes import ListQuery
from api_base.interface.routes.renaming import OLDER_RESULT
from api_base.interface.versioning.changes import located
from api_base.interface.versioning.kept import Current
from api_base.interface.versioning.lists import ListedChange, listed_changes, older_list
from api_base.interface.versioning.pointers import older_pointer, older_violations
from api_base.interface.versioning.shapes import Shapes


def older_endpoint(endpoint: Callable[..., Any], shapes: Shapes, read: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return the function in the older shape; itself if nothing changed for it. `read` returns what a merge patch changes, where a route does."""
    hints = get_type_hints(endpoint, include_extras=True)
    result = hints.pop("return", None)
    listed = get_args(result)[0] if get_origin(result) in (Page, OffsetPage) else None
    changes = [*listed_changes(listed, shapes.changes_of)]
    older = {name: _parameter(hint, shapes, changes) for name, hint in hints.items()}
    older_result = shapes.of(result)
    if older_result is result and all(older[name] is hint for name, hint in hints.items()):
        return endpoint
    bodies = [name for name, hint in hints.items() if older[name] is not hint and _listing(hint) is None]
    body = next((hint for name, hint in hints.items() if name in bodies or (isinstance(hint, type) and issubclass(hint, BaseModel))), None)
    named = shapes.changes_of(result) or shapes.changes_of(body)
    current = None if read is None else Current.of(read, endpoint)

    def older_name(name: str) -> str:
        return located(named, [name])[0]

    @wraps(endpoint)
    async def of_version(**given: Any) -> Any:
        for name in bodies:
            sent = given[name]
            given[name] = shapes.asked(sent, "body") if current is None else await current.asked(sent, given, shapes)
        try:
            answer = await endpoint(**given)
        except Invalid as error:
            raise older_violations(error, body, shapes.changes_of) from None
        except Taken as error:
            raise error.naming(older_name) from None
        except NotFound as error:  # a path names this resource by its key; what else is missing is another one
            raise error.naming(older_name) if error.by in hints else error from None
        return shapes.shown(answer, lambda pointer: older_pointer(pointer, body, shapes.changes_of))

    parameters = [
        one.replace(annotation=older.get(name, one.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
        for name, one in inspect.signature(endpoint).parameters.items()
    ]
    setattr(of_version, "__signature__", inspect.Signature(parameters, return_annotation=older_result))  # noqa: B010 -- mypy knows no such attribute of a function
    of_version.__annotations__ = older | {"return": older_result}
    of_version.__dict__[OLDER_RESULT] = older_result
    return of_version


def _parameter(hint: Any, shapes: Shapes, changes: Sequence[ListedChange]) -> Any:
    listing = _listing(hint)
    if listing is None:
        return shapes.of(hint)
    return Annotated[get_args(hint)[0], Depends(older_list(listing, changes))] if changes else hint


def _listing(hint: Any) -> ListQuery | None:
    """Return what reads the query of a list, of a parameter that it is declared for."""
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((one.dependency for one in marks if isinstance(one, Depends) and isinstance(one.dependency, ListQuery)), None)
