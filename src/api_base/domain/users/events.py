"""Events of users."""

from dataclasses import dataclass

from api_base.core.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered(DomainEvent):
    """`display_name` is the name that the user chose."""

    name = "users.registered.v1"
    email: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeactivated(DomainEvent):
    name = "users.deactivated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReactivated(DomainEvent):
    name = "users.reactivated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(DomainEvent):
    name = "users.password_changed.v1"
