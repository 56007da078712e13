"""Mistakes in the changes of versions, as changes of `shop`, each with what the check says."""

from typing import Final

from tests.unit.wiring.mistakes import Mistake

VERSIONS: Final = (
    Mistake(
        "a change of a field that a class lacks",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (GoodDTO,), was='name', now='label'),),\n",
        "changes=(",
        "A change of version 3 names 'label', but GoodDTO then has id, title, version.",
    ),
    Mistake(
        "a change to the name of another field",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (GoodDTO,), was='version', now='title'),),\n",
        "changes=(",
        "GoodDTO cannot have had 'version' before version 3: it has another field of that name.",
    ),
    Mistake(
        "a change of what is no shape",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (GoodRenamed.__mro__[-1],), was='name', now='title'),),\n",
        "changes=(",
        "A change names object, which is neither a DTO nor a body. Name a dataclass or a pydantic model.",
    ),
    Mistake(
        "a change of the first version",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(1, date(2027, 1, 1)), (GoodDTO,), was='name', now='title'),),\n",
        "changes=(",
        "A change is of version 1, but the first version changed nothing. Write Version(2, …) or a later one.",
    ),
    Mistake(
        "a version with two dates",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(2, date(2027, 1, 1)), (GoodDTO,), was='name', now='title'),),\n",
        "changes=(",
        "Version 2 is released on 2027-01-01, and elsewhere on 2026-12-01. Write it once, and name it.",
    ),
    Mistake(
        "a change of the version of a resource",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (GoodDTO,), was='number', now='version'),),\n",
        "changes=(",
        "A change names 'version' of GoodDTO, which tags and conditions read. It stays as it is.",
    ),
    Mistake(
        "other values of what has none",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.EnumChanged(Version(3, date(2027, 1, 1)), (GoodDTO,), name='id', type=str, values={'a': 'b'}),),\n",
        "changes=(",
        "The change of id of GoodDTO in version 3 is of an Enum, a Literal or a text, and the field is none of them; use Replaced.",
    ),
    Mistake(
        "a field that is made of another number of values",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Replaced(Version(3, date(2027, 1, 1)), (GoodDTO,), was='name', now='title', type=str, show=lambda: ''),),\n",
        "changes=(",
        "The change of title of GoodDTO in version 3 has a show that does not take one value.",
    ),
    Mistake(
        "a split without a text",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Split(Version(3, date(2027, 1, 1)), (GoodDTO,), was='name', now=('title',), split=dict.fromkeys, joined=lambda name: name),),\n",
        "changes=(",
        "The change of title of GoodDTO in version 3 has a joined that does not take title by name.",
    ),
    Mistake(
        "a change of no class",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (), was='name', now='title'),),\n",
        "changes=(",
        "A change of version 3 names no class. Name DTOs and bodies in `of`.",
    ),
    Mistake(
        "a change of what no route has",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (Good,), was='name', now='title'),),\n",
        "changes=(",
        "A change of version 3 names Good, which no route takes or returns. Name what clients send and see.",
    ),
    Mistake(
        "a field with the name of a parameter",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (GoodDTO,), was='sort', now='title'),),\n",
        "changes=(",
        "GoodDTO cannot have had 'sort' before version 3: it is a parameter of the list GET /api/{version}/goods.",
    ),
    Mistake(
        "a field with the name of a keyword",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (GoodDTO,), was='from', now='title'),),\n",
        "changes=(",
        "GoodDTO cannot have had 'from' before version 3: a field has a name of Python that begins with a letter.",
    ),
    Mistake(
        "a field with a name that is none",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2027, 1, 1)), (GoodDTO,), was='Name-1', now='title'),),\n",
        "changes=(",
        "GoodDTO cannot have had 'Name-1' before version 3: a field has a name of Python that begins with a letter.",
    ),
    Mistake(
        "a version that is released before an older one",
        "    routes=routes,\n",
        "    routes=routes,\n    changes=(versioning.Renamed(Version(3, date(2020, 1, 1)), (GoodDTO,), was='name', now='title'),),\n",
        "changes=(",
        "Version 3 is released on 2020-01-01, before version 2, which is released on 2026-12-01. Correct one of the days.",
    ),
)
