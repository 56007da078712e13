"""UUIDv7 [RFC 9562, section 5.7]: ordered by millisecond, and within it by the order in which this process created them."""

from uuid_utils.compat import uuid7

from api_base.core.protocols import IdGenerator


class Uuid7Generator(IdGenerator):
    new = staticmethod(uuid7)
    """A `UUID` of the standard library, greater than those that this process made before."""
