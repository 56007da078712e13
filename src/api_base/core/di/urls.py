"""The check that the URLs of adapters share."""

from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

URL_ESCAPES: Final = "write / ? # @ : in user and password as %2F %3F %23 %40 %3A"


def check_url(url: str, form: str, accepts: Callable[[SplitResult], bool]) -> None:
    """Raise `ValueError` unless `url` can be split, has a port that is a number, or none, has no fragment, and is one that `accepts` accepts.

    The message shows `form`, never the URL: it may hold a password, which is often the wrong part.

    >>> check_url("amqp://one:port", "amqp://host:port", lambda parts: bool(parts.hostname))
    Traceback (most recent call last):
    ValueError: must be amqp://host:port; write / ? # @ : in user and password as %2F %3F %23 %40 %3A
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is not a number or is too large
        valid = accepts(parts) and not parts.fragment
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"must be {form}; {URL_ESCAPES}")
