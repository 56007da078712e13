"""Refusals of content that clients send."""

from api_base.core.errors import Invalid, Violation


class ContentRefused(Invalid):
    """A content is not what it should be, or may harm those who open it. `code` is for programs, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__([Violation("/file", code, message)])
        self.code, self.message = code, message
