"""What only HTTP can get wrong."""

from api_base.core.errors import ApiBaseError


class BadRequest(ApiBaseError):
    """A header, or the request line, makes no sense."""


class MalformedBody(ApiBaseError):
    """The body is not what its content type says, or nested too deeply."""


class RouteNotFound(ApiBaseError):
    """Nothing is served at this path."""

    def __init__(self) -> None:
        super().__init__("No route has this path. The routes are listed in /openapi.json.")


class MethodNotAllowed(ApiBaseError):
    """`allowed` is the value of the `Allow` header."""

    def __init__(self, allowed: bytes) -> None:
        super().__init__(f"The path exists, but not for this method; allowed: {allowed.decode('latin-1')}.")
        self.allowed = allowed


class BodyTooLarge(ApiBaseError):
    """The body has more bytes than `limit`; None where the limit is not ours to name."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__("The body is larger than this route takes." if limit is None else f"The body is larger than {limit} bytes.")


class UnsupportedMediaType(ApiBaseError):
    """The content type, its charset, or the coding of the content is not what the route takes [RFC 9110, section 15.5.16]."""


class PreconditionRequired(ApiBaseError):
    """A change of a versioned resource came without If-Match [RFC 6585, section 3]."""

    def __init__(self) -> None:
        super().__init__("Send If-Match with the ETag of the version that you have read, or * for any [RFC 6585].")


class RequestTimeout(ApiBaseError):
    """The request took more than `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The request was given up after {seconds:g} s. Read the state before trying a change again.")
