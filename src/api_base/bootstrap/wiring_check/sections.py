"""Settings of contexts: each is a section whose variables are no others."""

from collections.abc import Iterator, Sequence

from api_base.bootstrap.context import Context
from api_base.bootstrap.sections import can_name_variables
from api_base.core.config import Section, Settings
from api_base.core.errors import Fault


def faults(contexts: Sequence[Context]) -> Iterator[Fault]:
    """Yield the faults of `Context.settings`."""
    first: dict[object, str] = {}
    for context in contexts:
        section: object = context.settings
        if section is None:
            continue
        if not isinstance(section, type) or not issubclass(section, Section):
            shown = section.__name__ if isinstance(section, type) else type(section).__name__
            yield Fault(
                context.declared_at, f"settings of the context {context.name!r} is {shown}, which is not a class derived from Section."
            )
        elif context.name in Settings.model_fields or hasattr(Settings, context.name):
            yield Fault(
                context.declared_at,
                f"The context {context.name!r} has settings, but {context.name.upper()} is a setting or a section of the base. Rename the context.",
            )
        elif not can_name_variables(context.name):
            yield Fault(
                context.declared_at,
                f"The context {context.name!r} has settings, and no variable can begin with its name. Write letters, digits and _, a letter first.",
            )
        elif first.setdefault(section, context.declared_at) != context.declared_at:
            yield Fault(
                context.declared_at,
                f"Two contexts have the settings {section.__name__}, the first at {first[section]}: ports.section would return those of the first. "
                "Derive a class for each.",
            )
