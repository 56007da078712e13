"""The text search of a list."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.statement import OWNER

COMPUTED: Final = frozenset({"title_key", "words"})
"""The columns that `searchable` adds to a table."""


def search_name(table: str) -> str:
    """Return the name of the function that `searchable` makes for `table`."""
    return f"search_{table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSearch:
    """The candidates of a text search, at most so many, by a function of `ranked_search`.

    `columns` are those that `searchable` searches in a revision, the title first; none if the revision makes the function in another way.
    """

    function: str
    candidates: int
    columns: tuple[str, ...] = ()

    def __call__(self, q: sa.BindParameter[str]) -> sa.FromClause:
        """Return the rows of the function, for a statement with an owner."""
        found: sa.Function[None] = sa.Function(self.function, OWNER, q, sa.literal_column(str(self.candidates)))
        return found.table_valued(sa.column("id", sa.Uuid), sa.column("score", sa.BigInteger)).render_derived(name="found")

    @property
    def unused(self) -> str:
        """Return the SQL by which `WordPruner` finds words that no row has any longer."""
        return f"{self.function}_unused($1, $2)"
