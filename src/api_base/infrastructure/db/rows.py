"""Objects from rows and rows from objects, by the names of the columns."""

from collections.abc import Callable
from functools import update_wrapper
from inspect import signature
from operator import attrgetter, itemgetter
from typing import Any

import sqlalchemy as sa

from api_base.infrastructure.db.session import Row


def row_of(table: sa.Table, **attributes: str) -> Callable[[Any], tuple[Any, ...]]:
    """Build the function from an object to its row: the attributes with the names of the columns.

    `attributes` names the attribute of a column where it differs: `email="email.value"`.
    """
    return attrgetter(*(attributes.get(column.name, column.name) for column in table.columns))


def restored[T](make: Callable[..., T], **convert: Callable[[Any], Any]) -> Callable[[Row], T]:
    """Build the function from a row to an object: each public parameter of `make` gets the value of the column with its name.

    `convert` restores the values of the columns that it names: `email=EmailAddress`.
    """
    names = [name for name in signature(make).parameters if not name.startswith("_")]
    values_of = itemgetter(*names)

    def restore(row: Row) -> T:
        values = dict(zip(names, values_of(row), strict=True))
        for name, one in convert.items():
            values[name] = one(values[name])
        return make(**values)

    update_wrapper(restore, make, assigned=(), updated=())  # mapping_code.py compares the parameters of `make` with the table
    return restore
