"""Feature flags for tests, as documents."""

from typing import Any


def flag_definition(key: str, **members: Any) -> dict[str, Any]:
    """A boolean flag that is off for everybody, with other `members`."""
    variants = {"on": True, "off": False}
    return {"key": key, "type": "boolean", "variants": variants, "default_variant": "off", "off_variant": "off", **members}
