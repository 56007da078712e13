"""Events of users."""

from dataclasses import dataclass
from typing import ClassVar

from api_base.core.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered(DomainEvent):
    """`display_name` is the name that the user chose."""

    name: ClassVar[str] = "users.registered.v1"
    email: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeactivated(DomainEvent):
    name: ClassVar[str] = "users.deactivated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReactivated(DomainEvent):
    name: ClassVar[str] = "users.reactivated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(DomainEvent):
    name: ClassVar[str] = "users.password_changed.v1"
