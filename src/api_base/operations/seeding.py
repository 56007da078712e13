"""Runs the seeds of contexts, each after those of the contexts that it requires."""

from collections.abc import AsyncIterator, Iterator, Sequence

from api_base.application.common.seeds import Seeds
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build, opened
from api_base.core.config import Settings
from api_base.core.errors import ApiBaseError, ConfigurationError, Unavailable
from api_base.operations.acting import act_in_tenant


def refuse_production(settings: Settings, *, yes: bool) -> None:
    """Raise `ConfigurationError` in production without `--yes`."""
    if settings.environment == "production" and not yes:
        raise ConfigurationError("Nothing was seeded, because ENVIRONMENT is production. To seed this database, pass --yes.")


def seeding(contexts: Sequence[Context], chosen: str | None = None) -> list[Context]:
    """Return the contexts that have a seed, in the order of `requires`: all, or the `chosen` one and what it requires.

    Raises `ConfigurationError` for an unknown context, and for a chosen one without a seed.
    """
    by_name = {context.name: context for context in contexts}
    if chosen is not None and chosen not in by_name:
        raise ConfigurationError(f"This application has no context {chosen!r}. Choose from {', '.join(sorted(by_name))}.")
    if chosen is not None and by_name[chosen].seed is None:
        having = ", ".join(context.name for context in contexts if context.seed is not None) or "none has one"
        raise ConfigurationError(f"The context {chosen!r} has no seed. Contexts with a seed: {having}.")
    ordered = dict[str, None]()
    for name in by_name if chosen is None else [chosen]:
        ordered |= dict.fromkeys(_after_required(name, by_name, ()))
    return [by_name[name] for name in ordered if by_name[name].seed is not None]


def _after_required(name: str, by_name: dict[str, Context], above: tuple[str, ...]) -> Iterator[str]:
    """Yield what `name` requires, then itself. Contexts that require each other are in the order of the application."""
    for required in by_name[name].requires:
        if required in by_name and required not in above:
            yield from _after_required(required, by_name, (*above, name))
    yield name


async def run_seeds(
    settings: Settings, contexts: Sequence[Context], chosen: Sequence[Context], email: str, tenant: str
) -> AsyncIterator[tuple[str, Seeds]]:
    """Run the seeds of the `chosen` contexts as the user with this address, in the tenant with this slug or id. Yields each at its end, with its context.

    Raises what `act_in_tenant` raises, `ConfigurationError` for a seed that ends with an error of the application, or whose step is refused.
    """
    async with opened(build(settings, contexts)) as services:
        await act_in_tenant(services, email, tenant)
        for context in chosen:
            assert context.seed is not None  # as `seeding` chose
            seeds = Seeds(services.bus, context.name)
            try:
                await context.seed(seeds)
            except Unavailable:
                raise
            except ApiBaseError as error:
                reached = f" at the step {seeds.step!r}" if seeds.step else ""
                raise ConfigurationError(
                    f"The seed of {context.name!r} ended{reached}: {str(error) or type(error).__name__}\n"
                    "The steps before it are stored. Correct the cause, then run `api-base seed` again."
                ) from error
            yield context.name, seeds
