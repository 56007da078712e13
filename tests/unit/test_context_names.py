"""The names of contexts with migrations: ids of revisions begin with them."""

from pathlib import Path

import pytest

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.migrations import branches, new
from api_base.core.errors import WiringError


@pytest.mark.parametrize("name", ["help-desk", "Desk", "1st", "help desk", "d" * 29, ""])
def test_a_name_that_no_revision_can_have_is_refused_with_what_is_allowed(tmp_path: Path, name: str) -> None:
    context = Context(name=name, migrations=tmp_path)
    with pytest.raises(WiringError) as raised:
        new(name, "Create tickets", [*BUILT_IN, context])
    assert [str(fault) for fault in raised.value.faults] == [
        f"{context.declared_at}: The context {name!r} has migrations, whose ids begin with its name. Rename it: up to 28 lower-case letters, "
        "digits and underscores that begin with a letter, such as help_desk."
    ]
    assert list(tmp_path.iterdir()) == []


def test_the_longest_name_has_revisions(tmp_path: Path) -> None:
    context = Context(name="d" * 28, migrations=tmp_path)
    assert new(context.name, "Create tickets", [*BUILT_IN, context]).name == "001_create_tickets.py"
    assert context.name in [branch.name for branch in branches([*BUILT_IN, context])]
