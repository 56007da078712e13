"""Real servers for the tests.

PostgreSQL: one server for each test process, a database of its own for each test that asks for one. The others are those of `make services`,
shared by all processes (see services.py): tests name their topics, queues and addresses apart.
"""

import gc
import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import httpx2
import pytest
import sqlalchemy as sa

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.core.types import NO_REQUEST, Language, current_context
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.errors import handlers
from api_base.interface.errors.problem import Problem
from api_base.interface.errors.translation import catalogue_of, localized
from api_base.testing.databases import Postgres, name_of, server_in
from tests import redis_topologies, services
from tests.durations import pytest_collection_modifyitems, pytest_terminal_summary, pytest_xdist_make_scheduler  # noqa: F401 - hooks
from tests.folders import quick_folder
from tests.isolation import pytest_configure  # noqa: F401
from tests.services import Killable, Mailpit, Toxiproxy

BASE = ("audit", "events", "idempotency", "importing", "realtime", "sequences", "tasks", "text_search")
"""What every application brings, whatever its contexts."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the garbage collector from scanning what is collected, then and later: it lives as long as the process."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def kept_by_modules() -> Iterator[None]:
    """Keep it from scanning what modules of tests leave, such as imported contexts: a million objects in the end."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(_env_file=None)


@pytest.fixture(scope="session")
def contexts() -> Sequence[Context]:
    """The contexts whose tables the tests' databases have."""
    import api_base.infrastructure

    folders = sorted(Path(api_base.infrastructure.__path__[0]).glob("*/migrations"))
    return [
        Context(name=name, migrations=folder, tables=_declared(name))
        for folder in folders
        if (name := folder.parent.name) not in ("db", *BASE)
    ]


def _declared(name: str) -> list[sa.Table]:
    module = importlib.import_module(f"api_base.infrastructure.{name}.tables")
    return list({value.key: value for value in vars(module).values() if isinstance(value, sa.Table)}.values())


@pytest.fixture(scope="session")
def tables(contexts: Sequence[Context]) -> list[sa.Table]:
    """The declared tables: those in the `tables.py` beside each migrations folder."""
    return [table for name in (*BASE, *(context.name for context in contexts)) for table in _declared(name)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with quick_folder() as home, server_in(home) as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: Postgres, settings: Settings, contexts: Sequence[Context]) -> str:
    """The name of a database at head that nobody is connected to: others are copied from it."""
    urls = postgres.create()
    migrations.up(settings, urls, contexts)
    return name_of(urls)


@pytest.fixture
def new_database(postgres: Postgres) -> Iterator[Callable[[], Urls]]:
    """Makes empty databases, which end with the test."""
    made: list[Urls] = []

    def make() -> Urls:
        made.append(postgres.create())
        return made[-1]

    yield make
    for urls in made:
        postgres.drop(urls)


@pytest.fixture
def migrated(postgres: Postgres, template: str) -> Iterator[Urls]:
    """A database at head, the test's own."""
    urls = postgres.create(template)
    yield urls
    postgres.drop(urls)


@pytest.fixture(scope="module")
def shared_migrated(postgres: Postgres, template: str) -> Iterator[Urls]:
    """A database at head for tests of one module that do not disturb each other."""
    urls = postgres.create(template)
    yield urls
    postgres.drop(urls)


@pytest.fixture
def two_migrated(postgres: Postgres, template: str) -> Iterator[tuple[Urls, Urls]]:
    """Two databases at head, the test's own."""
    pair = postgres.create(template), postgres.create(template)
    yield pair
    for urls in pair:
        postgres.drop(urls)


@pytest.fixture
def admin_of_migrated(postgres: Postgres, migrated: Urls) -> str:
    """The superuser's URL of the test's own database."""
    return postgres.admin_of(migrated)


@pytest.fixture
def elasticsearch_url() -> Iterator[str]:
    with services.held("elasticsearch"):
        yield services.address("elasticsearch", "TEST_ELASTICSEARCH_URL")


@pytest.fixture
def killable_elasticsearch() -> Iterator[Killable]:
    with services.killable("elasticsearch", "TEST_ELASTICSEARCH_URL") as server:
        yield server


@pytest.fixture
def opensearch_url() -> Iterator[str]:
    with services.held("opensearch"):
        yield services.address("opensearch", "TEST_OPENSEARCH_URL")


@pytest.fixture
def killable_opensearch() -> Iterator[Killable]:
    with services.killable("opensearch", "TEST_OPENSEARCH_URL") as server:
        yield server


@pytest.fixture
def kafka_url() -> Iterator[str]:
    with services.held("kafka"):
        yield services.address("kafka", "TEST_KAFKA_URL")


@pytest.fixture
def kafka_scram_url() -> Iterator[str]:
    """The listener of the same broker that asks for SASL/SCRAM-SHA-256, with the user whom it knows."""
    with services.held("kafka"):
        yield services.address("kafka", "TEST_KAFKA_SCRAM_URL")


@pytest.fixture
def killable_kafka() -> Iterator[Killable]:
    with services.killable("kafka", "TEST_KAFKA_URL") as server:
        yield server


@pytest.fixture
def amqp_url() -> Iterator[str]:
    with services.held("rabbitmq"):
        yield services.address("rabbitmq", "TEST_RABBITMQ_URL")


@pytest.fixture
def killable_rabbitmq() -> Iterator[Killable]:
    with services.killable("rabbitmq", "TEST_RABBITMQ_URL") as server:
        yield server


@pytest.fixture
def redis_url() -> Iterator[str]:
    with services.held("valkey"):
        yield services.address("valkey", "TEST_REDIS_URL")


@pytest.fixture(scope="session")
def redis_cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_topologies.cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers.url


@pytest.fixture(scope="session")
def redis_sentinel_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_topologies.sentinel(tmp_path_factory.mktemp("sentinel")) as servers:
        yield servers.url


@pytest.fixture
def killable_redis() -> Iterator[Killable]:
    with services.killable("valkey", "TEST_REDIS_URL") as server:
        yield server


@pytest.fixture
def clamav_url() -> Iterator[str]:
    with services.held("clamav"):
        yield services.address("clamav", "TEST_CLAMAV_URL")


@pytest.fixture
def clamav_socket(clamav_url: str) -> Path:
    """The Unix socket of the same daemon."""
    return services.socket_of("clamav", "TEST_CLAMAV_SOCKET_URL")


@pytest.fixture
def killable_clamav() -> Iterator[Killable]:
    with services.killable("clamav", "TEST_CLAMAV_URL") as server:
        yield server


@pytest.fixture
def s3_url() -> Iterator[str]:
    """A bucket without versions; tests name their keys apart."""
    with services.held("seaweedfs"):
        yield services.address("seaweedfs", "TEST_S3_URL")


@pytest.fixture
def s3_versions_url() -> Iterator[str]:
    """A bucket that keeps versions."""
    with services.held("seaweedfs"):
        yield services.address("seaweedfs", "TEST_S3_VERSIONS_URL")


@pytest.fixture
def killable_s3() -> Iterator[Killable]:
    with services.killable("seaweedfs", "TEST_S3_URL") as server:
        yield server


@pytest.fixture
def mailpit() -> Iterator[Mailpit]:
    """For one test alone, since it can be made to fail for everybody."""
    with services.held("mailpit", alone=True), httpx2.Client(base_url=services.address("mailpit", "TEST_MAILPIT_URL")) as http:
        yield Mailpit(services.address("mailpit", "TEST_MAIL_URL"), http)


@pytest.fixture
def toxiproxy() -> Iterator[Toxiproxy]:
    with services.held("toxiproxy"), httpx2.Client(base_url=services.address("toxiproxy", "TEST_TOXIPROXY_URL")) as http:
        yield Toxiproxy(http)


OF_TESTS: Final = frozenset(
    {
        "As before.",
        "Closed.",
        "I'm a Teapot",
        "Only on Mondays.",
        "Pay first.",
        "Payment Required",
        "The access token is not good.",
        "The database cannot be reached.",
        "The key is unknown. Send one that is valid.",
        "Too many requests.",
        "again",
        "as at first",
        "c",
        "gone",
        "is refused",
        "must not be 13",
        "no",
        "no such",
        "not today",
        "not you",
        "slow",
        "taken",
        "teapot",
        "too small",
    }
)
"""Sentences of contexts that tests declare, which have no translations."""


@pytest.fixture(autouse=True)
def translated_problems(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which a request is refused by a sentence of the base without a translation."""
    unknown: list[str] = []

    def watched(problem: Problem) -> Problem:
        texts = [problem.title, *([one.message for one in problem.violations] or [problem.detail])]
        if current_context.get(NO_REQUEST).path:
            catalogue = catalogue_of(Language.PT)
            unknown.extend(text for text in texts if catalogue.translated(text) is None)
        return localized(problem)

    monkeypatch.setattr(handlers, "localized", watched)
    yield
    assert set(unknown) <= OF_TESTS, "Translate these sentences in interface/errors/sentences/pt.toml"
