"""Configurations refuse what cannot work, when they are made."""

from api_base.core.errors import ConfigurationError


def require(holds: bool, config: object, field: str, rule: str) -> None:
    """Raises `ConfigurationError`, naming class, field and value, unless `holds`."""
    if not holds:
        raise ConfigurationError(f"{type(config).__name__}.{field}: {rule}, and is {getattr(config, field)!r}")
