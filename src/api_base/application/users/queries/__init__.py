"""Queries of users. Their handlers are adapters: infrastructure/users/queries.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Query
from api_base.application.common.listing import EQUALITY, ORDER, TEXT, Field, Fields, ListRequest, Page, Sort
from api_base.application.users import permissions
from api_base.application.users.dtos import UserDTO
from api_base.core.types import UserId
from api_base.domain.common.value_objects import email_key
from api_base.domain.users.entities import UserStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class GetProfile(Query[UserDTO]):
    """The caller's own profile."""

    permission = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUser(Query[UserDTO]):
    """Any user. For platform administrators."""

    permission = permissions.MANAGE
    id: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUsersByIds(Query[Sequence[UserDTO]]):
    """Those of the users that the caller may see, in any order: the caller, and for platform administrators all."""

    permission = AUTHENTICATED
    ids: tuple[UUID, ...]


USER_FIELDS: Final = Fields(
    Field(name="email", kind=str, operators=TEXT, sortable=True, stored_form=email_key),
    Field(name="status", kind=str, operators=EQUALITY, choices=tuple(status.value for status in UserStatus)),
    Field(name="created_at", kind=datetime, operators=ORDER, sortable=True),
    default_sort=(Sort(field="created_at", descending=True),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListUsers(Query[Page[UserDTO]]):
    """All users. For platform administrators."""

    permission = permissions.MANAGE
    request: ListRequest
