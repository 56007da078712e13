"""Search indexes as contexts declare them, and what keeps them up to date."""

from api_base.application.common.search.comparison import Comparison, Difference, Fault, IndexVerifier
from api_base.application.common.search.cursor import decode_cursor, encode_cursor
from api_base.application.common.search.declared import DeclaredIndex, SearchIndexes, SearchSource
from api_base.application.common.search.fallback import FallbackSearchIndex
from api_base.application.common.search.highlights import MARK_END, MARK_START, marked
from api_base.application.common.search.indexer import SearchIndexer
from api_base.application.common.search.opening import SearchOpening, differences
from api_base.application.common.search.query_text import QueryText, folded, query_text, words_of
from api_base.application.common.search.rebuilding import rebuild

__all__ = [
    "MARK_END",
    "MARK_START",
    "Comparison",
    "DeclaredIndex",
    "Difference",
    "FallbackSearchIndex",
    "Fault",
    "IndexVerifier",
    "QueryText",
    "SearchIndexer",
    "SearchIndexes",
    "SearchOpening",
    "SearchSource",
    "decode_cursor",
    "differences",
    "encode_cursor",
    "folded",
    "marked",
    "query_text",
    "rebuild",
    "words_of",
]
