"""What contexts declare is checked by mypy: a handler for the wrong message, a subscriber for the wrong payload."""

import subprocess
import sys
from pathlib import Path
from typing import Final, get_type_hints

import pytest

from api_base.application.common.cqrs import Registration, answer_of
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import build
from api_base.infrastructure.db.embedded import Urls
from tests.application import settings_on
from tools.documents import ROOT

SAMPLE: Final = """
from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import on
from api_base.application.common.events import Stream, StreamRecord
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.commands.delete_item import DeleteItem, DeleteItemHandler
from api_base.domain.common.events import DurableSubscription, Subscription


@dataclass(frozen=True)
class Created:
    aggregate_id: UUID


@dataclass(frozen=True)
class Deleted:
    aggregate_id: UUID


async def deleted(event: Deleted) -> None: ...


def records(event: Deleted) -> list[StreamRecord]:
    return []


def wiring(handler: DeleteItemHandler) -> None:
    on(DeleteItem, handler)
    Subscription("items.deleted.v1", Deleted, deleted)
    DurableSubscription(name="n", event="items.deleted.v1", payload=Deleted, handle=deleted)
    Stream(name="n", event="items.deleted.v1", payload=Deleted, transform=records)
    on(CreateItem, handler)  # wrong
    Subscription("items.created.v1", Created, deleted)  # wrong
    DurableSubscription(name="n", event="items.created.v1", payload=Created, handle=deleted)  # wrong
    Stream(name="n", event="items.created.v1", payload=Created, transform=records)  # wrong
"""
NOWHERE: Final = "postgresql://app@localhost:1/none"
PORTS: Final = build(settings_on(Urls(owner=NOWHERE, app=NOWHERE, worker=NOWHERE, direct=NOWHERE)), BUILT_IN).ports
REGISTRATIONS: Final = [registration for context in BUILT_IN for registration in context.handlers(PORTS)]


def test_what_does_not_fit_does_not_type_check(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(SAMPLE)
    answer = subprocess.run([sys.executable, "-m", "mypy", str(sample)], cwd=ROOT, capture_output=True, text=True, check=False)
    wrong = {number for number, line in enumerate(SAMPLE.splitlines(), 1) if line.endswith("# wrong")}
    refused = {int(line.split(":")[1]) for line in answer.stdout.splitlines() if ": error: " in line}
    assert refused == wrong, answer.stdout + answer.stderr


@pytest.mark.parametrize("registration", REGISTRATIONS, ids=lambda one: one.message.__name__)
def test_every_handler_answers_what_its_message_declares(registration: Registration) -> None:
    assert get_type_hints(registration.handler.handle)["return"] == answer_of(registration.message)
