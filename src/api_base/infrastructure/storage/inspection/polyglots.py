"""Files of two formats: what one program shows as a picture, another one executes or unpacks."""

import re
from typing import Final

from api_base.core.errors.content import ContentRefused
from api_base.infrastructure.storage.inspection import Content
from api_base.infrastructure.storage.inspection.archives import directory_at
from api_base.infrastructure.storage.inspection.media_types import PDF

_MARKUP: Final = re.compile(
    rb"<(?:[sS][cC][rR][iI][pP][tT][\s>/]|![dD][oO][cC][tT][yY][pP][eE]\s+[hHsS]|[hH][tT][mM][lL][\s>]|[iI][fF][rR][aA][mM][eE][\s>]"
    rb"|[sS][vV][gG]\s[^\x00]{0,100}xmlns|\?[pP][hH][pP]\s)"
)
_CODE: Final = re.compile(rb"__HALT_COMPILER\s*\(|Rar!\x1a\x07")
"""PHP's archives, and RAR archives that are appended or embedded."""
_SCRIPT_HEAD: Final = re.compile(rb"(?:GIF8[79]a|RIFF|\xff\xd8\xff\xe0)(?:/\*|=)")
"""The first bytes are a JavaScript assignment or comment; the numbers after the signature are `/*` or `=`."""
_PDF_HEAD: Final = 1024
"""Readers of PDF accept its header anywhere in so many bytes."""
_ZIP_TAIL: Final = 65_557


def check_binary(content: Content, media_type: str) -> None:
    """Refuse content with the marks of a second format: a PDF's header, a ZIP's end. Raises `ContentRefused`."""
    if media_type != PDF and content.find(b"%PDF-", 0, _PDF_HEAD) >= 0:
        raise _polyglot(media_type, "a PDF")
    if directory_at(content[-_ZIP_TAIL:]) is not None:
        raise _polyglot(media_type, "an archive")


def check_image(content: Content, media_type: str) -> None:
    """Refuse an image that contains markup or script, in its metadata or elsewhere. Raises `ContentRefused`."""
    if _SCRIPT_HEAD.match(content) and content.find(b"*/") >= 0:
        raise _polyglot(media_type, "a script")
    if _MARKUP.search(content):
        raise _polyglot(media_type, "a web page or a script")
    if _CODE.search(content):
        raise _polyglot(media_type, "an archive")


def _polyglot(media_type: str, other: str) -> ContentRefused:
    return ContentRefused("polyglot", f"The content is {media_type} and {other} at the same time.")
