"""Whose the rows of a generated resource are."""

from enum import StrEnum

from api_base.core.errors import ConfigurationError


class Owner(StrEnum):
    """Whose the rows are: each tenant's, each user's, or everybody's."""

    TENANT = "tenant"
    USER = "user"
    NONE = "none"

    @classmethod
    def named(cls, name: str) -> "Owner":
        """Return the owner of this name. Raises `ConfigurationError`."""
        if name not in list(cls):
            raise ConfigurationError(f"--owner is tenant, user or none, not {name!r}.")
        return cls(name)
