"""Reminders of a tenant: a plain resource. Add it to an application with `CONTEXTS=reminders:CONTEXT`."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from api_base import Money, MoneyDTO, ResourceDTO, RestorableResource, TenantId, TextRule, crud


class Status(StrEnum):
    OPEN = "open"
    DONE = "done"


@dataclass(slots=True, kw_only=True, eq=False)
class Reminder(RestorableResource):
    tenant_id: TenantId
    title: Annotated[str, TextRule(max_length=200)]
    body: Annotated[str, TextRule(max_length=10_000, lines=True, optional=True)] = ""
    status: Status = Status.OPEN
    pinned: bool = False
    due_on: date | None = None
    budget: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderDTO(ResourceDTO):
    title: str
    body: str
    status: Status
    pinned: bool
    due_on: date | None
    budget: MoneyDTO | None


FILTERS = ("title", "status", "pinned", "due_on", "budget", "created_at")
SORTS = ("title", "due_on", "created_at")
REMINDERS = crud(Reminder, ReminderDTO, name="reminders", filters=FILTERS, sorts=SORTS, search=("title", "body"))
CONTEXT = REMINDERS.context()
