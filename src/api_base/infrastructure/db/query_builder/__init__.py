"""SQL for specifications, sorting and paging."""

from api_base.infrastructure.db.query_builder.pages import PageBuilder
from api_base.infrastructure.db.query_builder.text_search import TextSearch
from api_base.infrastructure.db.query_builder.translation import Translation, translate

__all__ = ["PageBuilder", "TextSearch", "Translation", "translate"]
