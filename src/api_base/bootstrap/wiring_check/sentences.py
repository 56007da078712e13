"""Translations of errors: each folder exists, and each sentence in it can be used."""

from collections.abc import Iterator, Sequence

from api_base.bootstrap.context import Context
from api_base.core.errors import ConfigurationError, Fault
from api_base.interface.errors.translation import OTHER_LANGUAGES, read


def faults(contexts: Sequence[Context]) -> Iterator[Fault]:
    """Yield the faults of `Context.sentences`."""
    for context in contexts:
        folder = context.sentences
        if folder is None:
            continue
        files = [path for language in OTHER_LANGUAGES if (path := folder / f"{language}.toml").exists()]
        if not files:
            names = " or ".join(f"{language}.toml" for language in OTHER_LANGUAGES)
            yield Fault(
                context.declared_at, f"sentences of the context {context.name!r} is {folder}, which has no {names}. Write one there."
            )
        for path in files:
            try:
                read(path)
            except ConfigurationError as error:
                yield Fault(context.declared_at, str(error))
