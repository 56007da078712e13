"""Read a user: the caller's own profile, or any user for platform administrators."""

from dataclasses import dataclass
from typing import ClassVar

from api_base.application.common.cqrs import AUTHENTICATED, Query
from api_base.application.users import permissions
from api_base.application.users.dtos import UserDTO
from api_base.core.types import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class GetProfile(Query[UserDTO]):
    permission: ClassVar[str] = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUser(Query[UserDTO]):
    permission: ClassVar[str] = permissions.MANAGE
    id: UserId
