"""Errors of HTTP itself."""

from collections.abc import Iterable, Sequence

from api_base.core.errors import ApiBaseError


def methods_of_path(declared: Iterable[str]) -> list[str]:
    """Return the methods of a path, sorted: those that functions serve, HEAD beside GET, and OPTIONS, which lists them."""
    methods = {*declared, "OPTIONS"}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


class BadRequest(ApiBaseError):
    """A header or the request line is malformed."""


class MalformedBody(ApiBaseError):
    """The body does not match its content type, or is nested too deeply."""


class RouteNotFound(ApiBaseError):
    """No route has this path."""

    def __init__(self) -> None:
        super().__init__("No route has this path. The routes are listed in /openapi.json.")


class MethodNotAllowed(ApiBaseError):
    """`allowed` is the value of the `Allow` header."""

    def __init__(self, allowed: bytes) -> None:
        super().__init__(f"The path does not support this method. Allowed methods: {allowed.decode('latin-1')}.")
        self.allowed = allowed


class BodyTooLarge(ApiBaseError):
    """The body has more bytes than `limit`; None if the limit is unknown."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__("The body is larger than the route allows." if limit is None else f"The body is larger than {limit} bytes.")


class Gone(ApiBaseError):
    """The route has ended [RFC 9110, section 15.5.11]. `links` are the headers that name its end and its successor."""

    def __init__(self, message: str, links: Sequence[tuple[bytes, bytes]]) -> None:
        super().__init__(message)
        self.links = tuple(links)


class NotAcceptable(ApiBaseError):
    """The response has none of the media types in Accept [RFC 9110, section 15.5.7]. The request was not executed."""


class UnsupportedMediaType(ApiBaseError):
    """The content type, its charset, or the content coding is not supported by the route [RFC 9110, section 15.5.16]."""


class RangeNotSatisfiable(ApiBaseError):
    """No byte of the range exists [RFC 9110, section 15.5.17]. `size` is that of the content, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The content has {size} bytes, and none of them is in the range.")
        self.size = size


class PreconditionRequired(ApiBaseError):
    """A change of a versioned resource came without If-Match [RFC 6585, section 3]."""

    def __init__(self) -> None:
        super().__init__("The request must contain If-Match. Send the ETag of the version that you read, or * for any version [RFC 6585].")


class RequestTimeout(ApiBaseError):
    """The request took longer than `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The request was aborted after {seconds:g} s. Read the resource before you retry a change.")


class UpgradeRequired(ApiBaseError):
    """The resource is a WebSocket [RFC 9110, section 15.5.22]."""


class TargetTooLong(ApiBaseError):
    """The request target is longer than the server reads [RFC 9112, section 3]."""


class HeaderTooLarge(ApiBaseError):
    """The header section has too many bytes or fields [RFC 6585, section 5]."""


class SlowRequest(ApiBaseError):
    """The client did not complete its request in time [RFC 9110, section 15.5.9]."""


class MisdirectedRequest(ApiBaseError):
    """The request is for a host that this server does not serve [RFC 9110, section 15.5.20]."""


class VersionNotSupported(ApiBaseError):
    """The request uses another version of HTTP than 1.0 and 1.1 [RFC 9110, section 15.6.6]."""


class Overloaded(ApiBaseError):
    """The server refuses new work for some seconds. The request was not executed."""
