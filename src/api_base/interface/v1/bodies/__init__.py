"""Request bodies. Unknown fields are refused, text is bounded and holds no NUL; business rules are the domain's."""

from api_base.interface.v1.bodies.base import Body, Text

__all__ = ["Body", "Text"]
