"""Create a flag, change one that is not protected, and use the kill switch.

Creating and changing are serializable: two concurrent changes that together would make a cycle of prerequisites cannot both succeed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api_base.application.common.aggregates import found
from api_base.application.common.cqrs import Command
from api_base.application.common.merge_patch import merge_patch
from api_base.application.flags import permissions
from api_base.application.flags.dtos import FlagDTO
from api_base.core.errors import Invalid
from api_base.core.protocols import Clock, IdGenerator, Isolation
from api_base.domain.common.json_difference import differences
from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.repository import FlagRepository
from api_base.domain.flags.settings import FlagSettings, check_together, parse_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFlag(Command[FlagDTO]):
    """`document` is that of `FlagSettings`, without `archived`."""

    permission = permissions.MANAGE
    isolation = Isolation.SERIALIZABLE
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFlag(Command[FlagDTO]):
    """`patch` is a merge patch [RFC 7396] of the document of `FlagSettings`."""

    permission = permissions.MANAGE
    isolation = Isolation.SERIALIZABLE
    key: str
    expected_version: int | None
    patch: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchFlag(Command[FlagDTO]):
    """The kill switch: `enabled` False switches the flag off, of a protected flag too."""

    permission = permissions.MANAGE
    key: str
    expected_version: int | None
    enabled: bool


class CreateFlagHandler:
    def __init__(self, flags: FlagRepository, ids: IdGenerator, clock: Clock) -> None:
        self._flags, self._ids, self._clock = flags, ids, clock

    async def handle(self, command: CreateFlag) -> FlagDTO:
        """Create the flag. Raises `Invalid`; the commit raises `FlagKeyTaken`."""
        if "archived" in command.document:
            raise Invalid.of("/archived", "unknown", "is not a member of a new flag")
        flag = FeatureFlag.create(id=self._ids.new(), settings=parse_settings(command.document), now=self._clock.now())
        await check_with_others(self._flags, flag.settings)
        return FlagDTO.of(await self._flags.create(flag))


class ChangeFlagHandler:
    def __init__(self, flags: FlagRepository, clock: Clock) -> None:
        self._flags, self._clock = flags, clock

    async def handle(self, command: ChangeFlag) -> FlagDTO:
        """Change the flag. Raises `NotFound`, `StaleVersion`, `FlagProtected`, `FlagUnreadable`, `Invalid`."""
        flag = found(await self._flags.by_key(command.key), "flag", command.key, command.expected_version)
        settings = patched(flag, command.patch)
        if any(differences(flag.settings.document(), settings.document())):
            flag.change(settings, self._clock.now())
            await check_with_others(self._flags, settings)
            await self._flags.update(flag)
        return FlagDTO.of(flag)


class SwitchFlagHandler:
    def __init__(self, flags: FlagRepository, clock: Clock) -> None:
        self._flags, self._clock = flags, clock

    async def handle(self, command: SwitchFlag) -> FlagDTO:
        """Switch the flag. Raises `NotFound`, `StaleVersion`, `FlagUnreadable`, and `FlagProtected` when a protected flag is switched on."""
        flag = found(await self._flags.by_key(command.key), "flag", command.key, command.expected_version)
        if flag.settings.definition.enabled is not command.enabled:
            (flag.switch_on if command.enabled else flag.switch_off)(self._clock.now())
            await self._flags.update(flag)
        return FlagDTO.of(flag)


def patched(flag: FeatureFlag, patch: Mapping[str, Any]) -> FlagSettings:
    """The settings of `flag` with a merge patch. Raises `Invalid`."""
    return parse_settings(merge_patch(flag.settings.document(), patch))


async def check_with_others(flags: FlagRepository, settings: FlagSettings) -> None:
    """Check `settings` together with all other flags. Raises `Invalid`."""
    key = settings.definition.key
    check_together([*(flag.settings for flag in await flags.readable() if flag.key != key), settings])
