"""JSON Pointers [RFC 6901] to what is wrong in a request."""


def pointer(*steps: str) -> str:
    """The pointer along `steps`, as `/query/name` or `/body/tags/0`."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
