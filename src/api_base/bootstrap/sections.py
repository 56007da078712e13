"""The sections of the settings that contexts declare (`Context.settings`), read and checked like those of the base."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field, ValidationError, create_model

from api_base.bootstrap.context import Context
from api_base.core.config import Problems, Section, Settings
from api_base.core.config.loading import problems_of


def sectioned(
    settings: Settings, contexts: Sequence[Context], given: Mapping[str, Mapping[str, object]] | None = None
) -> tuple[Settings, Problems]:
    """Return the settings with the section of each context, from the environment and `.env`, and the problems of these sections.

    A section that `settings` have already is kept. One with a problem is left out. Values that are `given` precede those of the environment, and
    `.env` is not read then.
    """
    sections = dict(_declared(settings, contexts))
    if not sections:
        return settings, Problems()
    extended = _extended(type(settings), sections)
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    if given is not None:
        values |= {"_env_file": None, **{name: dict(given[name]) for name in sections if name in given}}
    try:
        return extended(**values), Problems()
    except ValidationError as error:
        return settings, Problems(invalid=tuple(problems_of(error, extended)))


def _declared(settings: Settings, contexts: Sequence[Context]) -> Iterator[tuple[str, type[Section]]]:
    """Yield the section of each context that can be read; `wiring_check.sections` refuses the other ones."""
    for context in contexts:
        section: object = context.settings
        known = context.name in type(settings).model_fields or not can_name_variables(context.name)
        if isinstance(section, type) and issubclass(section, Section) and not known:
            yield context.name, section


def can_name_variables(name: str) -> bool:
    """Return whether variables can begin with the name of a context, and a field of the settings can have it."""
    return name.isidentifier() and name.isascii() and not name.startswith("_") and not hasattr(Settings, name)


def _extended(settings: type[Settings], sections: Mapping[str, type[Section]]) -> type[Settings]:
    fields = {
        name: (section, Field(default={}, validate_default=True, description=_summary(section))) for name, section in sections.items()
    }
    return create_model(settings.__name__, __base__=settings, **fields)  # type: ignore[call-overload, no-any-return]  # names are values


def _summary(section: type[Section]) -> str:
    return (section.__doc__ or "").partition("\n\n")[0]
