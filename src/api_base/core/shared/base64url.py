"""Base64 for URLs without padding [RFC 4648, section 5]."""

from base64 import b64decode, urlsafe_b64encode


def encode(raw: bytes) -> str:
    """Return `raw` as text.

    >>> encode(b"\\xff\\xfe")
    '__4'
    """
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of `text`. Raises `ValueError` for other text.

    Two texts may have the same bytes: the standard alphabet is read as well, and spare bits are ignored. Compare with `encode` where that matters.
    """
    return b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
