"""The feature flag as administrators change it. Flags belong to the whole installation; rules aim them at tenants."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.errors import Invalid
from api_base.domain.flags.errors import FlagProtected
from api_base.domain.flags.settings import FlagSettings


@dataclass(slots=True, kw_only=True, eq=False)
class FeatureFlag(AggregateRoot):
    settings: FlagSettings
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> str:
        return self.settings.definition.key

    @classmethod
    def create(cls, *, id: UUID, settings: FlagSettings, now: datetime) -> Self:
        return cls(id=id, settings=settings, created_at=now, updated_at=now)

    def change(self, settings: FlagSettings, now: datetime) -> None:
        """Change a flag that is not protected. Raises `FlagProtected`, and `Invalid` for another key or type."""
        if self.settings.protected:
            raise FlagProtected(self.key)
        self.change_by_two(settings, now)

    def change_by_two(self, settings: FlagSettings, now: datetime) -> None:
        """Change a flag as a second person approved. Raises `Invalid` for another key or type: those who evaluate the flag rely on both."""
        for name in ("key", "type"):
            if getattr(settings.definition, name) != getattr(self.settings.definition, name):
                raise Invalid.of(f"/definition/{name}", "immutable", "cannot be changed. Create another flag")
        self.settings, self.updated_at = settings, now

    def switch_off(self, now: datetime) -> None:
        """Use the kill switch. One person may, of a protected flag too: harm must not go on until a second person is found."""
        self._set_enabled(False, now)

    def switch_on(self, now: datetime) -> None:
        """Raises `FlagProtected`."""
        if self.settings.protected:
            raise FlagProtected(self.key)
        self._set_enabled(True, now)

    def _set_enabled(self, enabled: bool, now: datetime) -> None:
        self.settings = replace(self.settings, definition=replace(self.settings.definition, enabled=enabled))
        self.updated_at = now
