"""What the seed of a context sends, and in which order contexts are seeded."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from api_base.application.common.cqrs import PUBLIC, Bus, Command, on
from api_base.application.common.seeds import Seeds
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, Conflict, ProgrammingError, RequestInProgress, Unauthenticated
from api_base.core.protocols import Isolation
from api_base.core.types import KeyedExecution, Principal, RequestContext, UserId, current_context
from api_base.operations.seeding import refuse_production, seeding

USER = UserId(UUID(int=7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Command[int]):
    permission = PUBLIC
    by: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrate(Command[int]):
    permission = PUBLIC
    isolation = Isolation.NONE


class CountHandler:
    """Notes the origin of each request."""

    def __init__(self) -> None:
        self.origins: list[object] = []
        self.refused = False

    async def handle(self, command: Count) -> int:
        if self.refused:
            raise RequestInProgress
        self.origins.append(current_context.get().origin)
        return command.by


@pytest.fixture
def handler() -> CountHandler:
    return CountHandler()


@pytest.fixture
def seeds(handler: CountHandler) -> Iterator[Seeds]:
    bus = Bus(())
    bus.add([on(Count, handler)])
    before = current_context.set(RequestContext(request_id="test", principal=Principal.without_permissions(USER, None)))
    yield Seeds(bus, "shop")
    current_context.reset(before)


async def test_a_step_is_a_request_with_a_permanent_key_of_its_name(seeds: Seeds, handler: CountHandler) -> None:
    assert [await seeds.once("one", Count()), await seeds.once("two", Count(by=2)), await seeds.execute(Count(by=3))] == [1, 2, 3]
    one, two, other = handler.origins
    assert isinstance(one, KeyedExecution)
    assert isinstance(two, KeyedExecution)
    assert (one.request.permanent, one.request.user_id, one.request.route) == (True, USER, "seed shop")
    assert one.request.key != two.request.key
    assert one.request.fingerprint == two.request.fingerprint
    assert other is None
    assert (seeds.step, seeds.sent, seeds.stored) == ("", 2, 0)


async def test_two_steps_of_one_name_are_refused(seeds: Seeds) -> None:
    await seeds.once("one", Count())
    with pytest.raises(ProgrammingError, match="The seed of 'shop' has two steps 'one'"):
        await seeds.once("one", Count(by=2))


async def test_a_command_whose_result_cannot_be_stored_is_refused(seeds: Seeds) -> None:
    with pytest.raises(ProgrammingError, match="Orchestrate commits before it has a result to store"):
        await seeds.once("one", Orchestrate())


async def test_a_concurrent_seed_is_named(seeds: Seeds, handler: CountHandler) -> None:
    handler.refused = True
    with pytest.raises(Conflict, match="Another `api-base seed` sends 'one' now"):
        await seeds.once("one", Count())
    assert (seeds.step, seeds.sent) == ("one", 0)


async def test_a_seed_acts_as_a_user(seeds: Seeds) -> None:
    current_context.set(RequestContext(request_id="test"))
    with pytest.raises(Unauthenticated):
        await seeds.once("one", Count())


async def nothing(seeds: Seeds) -> None:
    """A seed without steps."""


def test_contexts_are_seeded_after_those_that_they_require() -> None:
    contexts = [
        Context(name="d", requires=("c", "b"), seed=nothing),
        Context(name="c", requires=("a", "elsewhere"), seed=nothing),
        Context(name="b", requires=("d",), seed=nothing),
        Context(name="a"),
        Context(name="e", seed=nothing),
    ]
    assert [one.name for one in seeding(contexts)] == ["c", "b", "d", "e"]
    assert [one.name for one in seeding(contexts, "c")] == ["c"]
    with pytest.raises(ConfigurationError, match="The context 'a' has no seed. Contexts with a seed: d, c, b, e."):
        seeding(contexts, "a")


def test_production_is_seeded_only_with_yes() -> None:
    settings = Settings(_env_file=None)
    refuse_production(settings, yes=False)
    production = settings.model_copy(update={"environment": "production"})
    refuse_production(production, yes=True)
    with pytest.raises(
        ConfigurationError, match="Nothing was seeded, because ENVIRONMENT is production. To seed this database, pass --yes."
    ):
        refuse_production(production, yes=False)
