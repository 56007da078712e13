"""Highlights as HTML. Engines mark the found words by two control characters, which they remove from the texts: markup in a text stays text."""

from html import escape
from typing import Final

MARK_START: Final = "\x02"
MARK_END: Final = "\x03"


def marked(fragment: str) -> str:
    """Return the fragment of an engine as HTML.

    >>> marked("<b> \\x02Father\\x03")
    '&lt;b&gt; <mark>Father</mark>'
    """
    return escape(fragment, quote=True).replace(MARK_START, "<mark>").replace(MARK_END, "</mark>")
