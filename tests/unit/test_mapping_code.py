"""What the check at start reads in the functions of a mapping: the columns that a row must have."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from api_base.infrastructure.db.mapping_code import columns_read
from api_base.infrastructure.db.rows import restored


def made(id: int, title: str, _hidden: int = 0) -> tuple[int, str]:
    return id, title


@pytest.mark.parametrize(
    ("from_row", "expected"),
    [
        (restored(made), ["id", "title"]),
        (lambda row: made(row["id"], title=row["title"].strip()), ["id", "title"]),
        (lambda row: made(row["id"], {"title": "of another mapping"}["title"]), ["id"]),
        (lambda row: made(*row), []),
        (lambda: made(0, ""), ()),
        (dict, ()),
    ],
    ids=["parameters", "literals in brackets", "those of the row only", "none by name", "without a row", "no function of Python"],
)
def test_the_columns_that_a_function_reads(from_row: Callable[..., Any], expected: Sequence[str]) -> None:
    assert columns_read(from_row) == expected
