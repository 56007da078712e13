"""Generated projects, for the tests of the generator."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from api_base.core.base import DomainEvent
from api_base.generating.origin import Origin
from api_base.generating.project import create_project
from api_base.generating.record import Step
from api_base.generating.staging import apply, staged
from api_base.generating.steps import recorded, take

INDEX = Origin(version="1.0.0", described="version 1.0.0 of the package index")


class Generated(NamedTuple):
    """The context that needs a revision after a step, if any, and the files that the step changed."""

    context: str | None
    files: Sequence[str]


def new_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project in `folder`, where the test goes on."""
    home = folder / "shop"
    create_project("shop", home, INDEX)
    monkeypatch.chdir(home)
    return home


def generate(home: Path, step: Step) -> Generated:
    """Take a step that looks up no event."""
    with staged(home) as staging:
        context = take(step, staging, no_events)
        changes = [*staging.changes(), *recorded(home, step, no_events)]
        apply(home, changes)
    return Generated(context, [change.path for change in changes])


def no_events() -> Mapping[str, type[DomainEvent]]:
    raise AssertionError("no step looks up an event")
