"""Adapters by scheme: what is wrong with a URL is one line, a missing extra names its command, and an outside package adds a scheme."""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from api_base.bootstrap.adapters import BUILT_IN, Adapters
from api_base.bootstrap.configuration import load
from api_base.bootstrap.container import Wiring
from api_base.bootstrap.selections import load_settings_early, select
from api_base.core.config import Settings
from api_base.core.di import EXTRAS
from api_base.core.errors import ConfigurationError, Unavailable
from api_base.core.protocols import Mail, Probe
from api_base.infrastructure.mail.factory import CONSOLE
from api_base.infrastructure.rate_limit.factory import REDIS
from tools.documents import ROOT

type Set = Callable[..., None]

EXAMPLE = ROOT / "examples/file_mailer/src"
NEEDING = {
    "elasticsearch": ("SEARCH__URL", "elasticsearch+http://one:9200"),
    "kafka": ("EVENTS__URL", "kafka://one:9092"),
    "opensearch": ("SEARCH__URL", "opensearch+https://one:9200"),
    "rabbitmq": ("JOBS__URL", "amqp://guest:guest@one/"),
    "redis": ("CACHE__URL", "rediss://one:6380/1"),
    "s3": ("STORAGE__URL", "s3://bucket"),
    "otlp": ("OBSERVABILITY__OTLP_ENDPOINT", "http://one:4318"),
    "embedded": ("DATABASE__URL", "embedded://"),
}
"""A setting that needs each extra."""
WITHOUT_A_SETTING = {"generate", "images", "reload", "testing"}
"""Extras of which a function says what to install when it is called: thumbnails, the generator."""
DATABASE = {"DATABASE__URL": "postgresql://app@db/x"}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """Sets the environment, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def set_all(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.fixture
def file_mailer(variables: Set, monkeypatch: pytest.MonkeyPatch) -> Set:
    """The same with the package of the example installed, and named by `CONTEXTS`."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    variables(CONTEXTS="file_mailer:FILE_MAILER", **DATABASE)
    return variables


def refusal() -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load()
    heading, *lines = str(refused.value).splitlines()
    assert heading == "The configuration is not valid:"
    return lines


def test_every_extra_of_the_package_is_known() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert EXTRAS.keys() == declared.keys() == NEEDING.keys() | WITHOUT_A_SETTING


@pytest.mark.parametrize("extra", NEEDING)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(extra: str, variables: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, value = NEEDING[extra]
    variables(**DATABASE | {variable: value})
    assert load()[0]
    monkeypatch.setitem(sys.modules, EXTRAS[extra][0], None)  # as if it were not installed
    assert refusal() == [f"  {variable}: needs the extra {extra}: pip install 'python-api-base[{extra}]'"]


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("SCANNER__URL", "clamav://", "must be clamav://host:port or clamav:///path/of/the/socket"),
        ("SCANNER__URL", "clamav://host/path", "must be clamav://host:port or clamav:///path/of/the/socket"),
        ("SCANNER__URL", "clamav://user@host", "must be clamav://host:port or clamav:///path/of/the/socket"),
        ("SCANNER__URL", "sophos://host", "no adapter has this scheme. Write none:// or clamav://host:3310."),
        ("SCANNER__URL", "clamav", "must be a URL such as scheme://user:password@host:port"),
        ("STORAGE__ALLOWED_TYPES", '["image/png", "png"]', "must be a media type without parameters, such as image/png"),
        ("STORAGE__ALLOWED_TYPES", '["text/csv; charset=utf-8"]', "must be a media type without parameters, such as image/png"),
    ],
)
def test_what_cannot_scan_or_be_accepted_is_refused(variable: str, value: str, reason: str, variables: Set) -> None:
    variables(**DATABASE | {variable: value})
    (line,) = refusal()
    assert reason in line


def test_all_that_is_wrong_with_settings_urls_extras_and_contexts_is_one_report(variables: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    variables(
        SERVER__PORT="0", MAIL__URL="fax://1234", EVENTS__URL="kafka://one:9092", JOBS__URL="amqp://", CONTEXTS="nowhere:X", **DATABASE
    )
    assert [line.split(":")[0].strip() for line in refusal()] == ["SERVER__PORT", "CONTEXTS", "MAIL__URL", "EVENTS__URL", "JOBS__URL"]


def test_a_process_that_wires_nothing_reports_the_same(variables: Set) -> None:
    variables(SERVER__PORT="0", MAIL__URL="fax://1234", **DATABASE)
    with pytest.raises(ConfigurationError) as refused:
        load_settings_early()
    assert [line.split(":")[0].strip() for line in str(refused.value).splitlines()[1:]] == ["SERVER__PORT", "MAIL__URL"]


def test_the_adapter_of_an_outside_package_is_short() -> None:
    lines = [line for path in EXAMPLE.rglob("*.py") for line in path.read_text().splitlines() if line.strip()]
    assert 0 < len(lines) <= 60


async def test_the_url_alone_selects_the_adapter_of_an_outside_package(file_mailer: Set, tmp_path: Path) -> None:
    file_mailer(MAIL__URL=f"file://{tmp_path}/outbox")
    settings, contexts = load()
    assert load_settings_early() == settings
    selections, problems = select(settings, [context.adapters for context in contexts])
    assert not problems
    mailer = selections.mail.build(Wiring(settings, selections, {}).adapter_ports)
    assert isinstance(mailer, Probe)
    with pytest.raises(Unavailable, match="is not a folder"):
        await mailer.check()
    (tmp_path / "outbox").mkdir()
    assert await mailer.check() == f"{tmp_path}/outbox"
    await mailer.send(Mail(key="k-1", to="ana@example.com", language="en", subject="Hello", text="Welcome.", html=""))
    assert (tmp_path / "outbox/k-1.txt").read_text() == "To: ana@example.com\nSubject: Hello\n\nWelcome."


def test_a_wrong_url_of_its_scheme_and_a_scheme_of_nobody_are_refused_like_any_other(file_mailer: Set) -> None:
    file_mailer(MAIL__URL="file://host/outbox")
    assert refusal() == ["  MAIL__URL: must be file:///path/of/a/folder."]
    file_mailer(MAIL__URL="fax://1234")
    (line,) = refusal()
    assert line.startswith("  MAIL__URL: no adapter has this scheme. Write console://")
    assert line.endswith("or file:///path/of/a/folder.")


def test_two_adapters_of_one_scheme_are_refused(variables: Set) -> None:
    settings = Settings(_env_file=None)
    with pytest.raises(ConfigurationError, match="Two adapters of the port mail have the scheme 'console'"):
        select(settings, [Adapters(mail={"console": CONSOLE})])


def test_a_new_adapter_of_the_base_touches_four_files() -> None:
    page = (ROOT / "docs/adapters.md").read_text()
    rows = [line for line in page.partition("## Add an adapter to the base")[2].splitlines() if line.startswith("| `src/")]
    files = [row.split("`")[1] for row in rows]
    assert len(files) == 4
    assert [file for file in files if not (ROOT / file).exists()] == ["src/api_base/infrastructure/rate_limit/<store>.py"]
    naming = [
        path
        for path in (ROOT / "src/api_base").rglob("*.py")
        if "MemoryRateLimiter" in (text := path.read_text()) or "rate_limit.MEMORY" in text
    ]
    assert {str(path.relative_to(ROOT)).replace("memory", "<store>") for path in naming} == {*files} - {"src/api_base/core/di/__init__.py"}
    assert BUILT_IN.rate_limit.keys() == {"memory", *REDIS}
