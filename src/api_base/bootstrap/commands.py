"""The commands that contexts add to `api-base`, each below the name of its context."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from api_base.bootstrap.context import Context
from api_base.bootstrap.import_paths import named

if TYPE_CHECKING:
    from typer import Typer


def declared_commands(contexts: Sequence[Context]) -> "Mapping[str, Typer]":
    """Import the commands of `contexts`, by the name of the context. Raises `ConfigurationError` for what is no typer app."""
    from typer import Typer

    return {one.name: named(one.name, "commands", one.commands, Typer) for one in contexts if one.commands is not None}
