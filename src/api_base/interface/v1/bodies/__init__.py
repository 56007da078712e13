"""Request bodies. They refuse unknown fields, and limit text and forbid NUL in it; the domain checks business rules."""

from api_base.interface.v1.bodies.base import Body

__all__ = ["Body"]
