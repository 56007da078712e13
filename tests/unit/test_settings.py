"""Settings from the environment: every problem at once, by variable name, and never a secret."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from api_base.bootstrap import configuration
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.operations.diagnosis import configuration_lines

type Load = Callable[..., Settings]

SECRET = "n0t-for-anybodys-eyes"
KEY = f'["-----BEGIN PRIVATE KEY-----{SECRET}"]'
SAFE = {
    "ENVIRONMENT": "production",
    "MAIL__URL": "smtp://mail.example.com",
    "MAIL__LINKS": "https://api.example.com/links",
    "SECURITY__SIGNING_KEYS": KEY,
    "DATABASE__URL": f"postgresql://app:{SECRET}@db/x?sslmode=require",
    "DATABASE__OWNER_URL": f"postgresql://owner:{SECRET}@db/x?sslmode=require",
    "DATABASE__WORKER_URL": f"postgresql://worker:{SECRET}@db/x?sslmode=require",
}
UNENCRYPTED = [
    *(
        (f"DATABASE__{name}URL", f"postgresql://one:x@{rest}")
        for name in ("", "DIRECT_")
        for rest in ("db/x", "10.0.0.1/x", "db/x?sslmode=prefer")
    ),
    ("DATABASE__OWNER_URL", "postgres://owner2:x@db/x?sslmode=disable"),
    ("DATABASE__WORKER_URL", "postgresql://worker2:x@/x?host=/tmp,db"),
    ("EVENTS__URL", "kafka://127.0.0.1:9092,kafka.example.com:9092"),
    ("CACHE__URL", "redis://cache/0"),
    ("CACHE__URL", "redis+cluster://127.0.0.1,cache/"),
    ("LOCKS__URL", "redis+sentinel://cache/main"),
    ("RATE_LIMIT__URL", "redis://limits/0"),
    ("JOBS__URL", "amqp://guest:x@mq/"),
    ("REMOTE__URL", "amqp://guest:x@[2001:db8::1]/"),
    ("SCANNER__URL", "clamav://scanner:3310"),
    ("STORAGE__URL", "s3://key:x@bucket?endpoint=http://minio:9000"),
    ("MAIL__LINKS", "http://api.example.com/links"),
]
"""Each leads to another host without TLS."""
PROTECTED = [
    ("DATABASE__URL", "postgresql://one:x@db/x?sslmode=verify-full"),
    ("DATABASE__URL", "postgresql://one:x@localhost/x"),
    ("DATABASE__URL", "postgresql://one:x@/x?host=/var/run/postgresql"),
    ("EVENTS__URL", "kafka+ssl://kafka.example.com:9093"),
    ("EVENTS__URL", "kafka://127.0.0.1:9092,[::1]:9093"),
    ("CACHE__URL", "rediss://cache/0"),
    ("RATE_LIMIT__URL", "rediss://limits/0"),
    ("CACHE__URL", "redis://127.0.0.1/0"),
    ("LOCKS__URL", "rediss+sentinel://cache/main"),
    ("JOBS__URL", "amqps://guest:x@mq/"),
    ("SCANNER__URL", "none://"),
    ("SCANNER__URL", "clamav:///run/clamav/clamd.ctl"),
    ("SCANNER__URL", "clamav://127.0.0.1"),
    ("STORAGE__URL", "s3://bucket?region=eu-west-1"),
    ("STORAGE__URL", "s3://key:x@bucket?endpoint=https://minio:9000"),
    ("STORAGE__URL", "s3://key:x@bucket?endpoint=http://127.0.0.1:9000"),
    ("MAIL__LINKS", "http://localhost:3000/links"),
]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Loads the settings in an empty folder, with these variables alone."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def load(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return configuration.load()[0]

    return load


def refusal(load: Load, **variables: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(**variables)
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    return str(refused.value)


def test_nothing_is_needed_for_development(load: Load) -> None:
    settings = load()
    assert settings.app_name == "My API"
    assert settings.database.embedded


def test_variables_and_the_file_are_read(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('APP_NAME=Ours\nSERVER__CORS_ORIGINS=["https://a.example"]\nSERVER__PORT=1000\n')
    settings = load(SERVER__PORT="2000")
    assert (settings.app_name, settings.server.cors_origins, settings.server.port) == ("Ours", ("https://a.example",), 2000)


def test_every_problem_is_told_at_once_by_variable_those_of_production_included(load: Load) -> None:
    said = refusal(
        load,
        ENVIRONMENT="production",
        SERVER__PORT="0",
        SERVER__CORS_ORIGINS='["https://no.json"',
        SECURITY__SIGNING_KEYS=SECRET,
        DATABASE__POOL_SZIE="3",
        CONTEXTS="[",
    )
    for variable in (
        "SERVER__PORT", "SERVER__CORS_ORIGINS", "SECURITY__SIGNING_KEYS", "DATABASE__POOL_SZIE", "CONTEXTS", "DATABASE__URL",
    ):  # fmt: skip
        assert f"  {variable}: " in said


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"postgresql://app:s/{SECRET}@db/x", "must be postgresql://user:password@host:port/database;"),
        (f"postgresql://app:{SECRET}#1@db/x", "must be postgresql://user:password@host:port/database;"),
        (f"postgresql://app:{SECRET}@db:port/x", "must be postgresql://user:password@host:port/database;"),
        (
            f"mysql://app:{SECRET}@db/x",
            "no adapter has this scheme. Write embedded:// or postgresql://user:password@host:port/database.",
        ),
        (SECRET, "must be a URL such as scheme://user:password@host:port."),
    ],
)
@pytest.mark.parametrize("variable", ["URL", "OWNER_URL", "WORKER_URL", "DIRECT_URL"])
def test_a_url_that_cannot_work_is_told_without_showing_it(load: Load, variable: str, url: str, reason: str) -> None:
    assert f"DATABASE__{variable}: {reason}" in refusal(load, **{f"DATABASE__{variable}": url})


@pytest.mark.parametrize("url", ["postgresql://app:x%2Fy@db:5433/x", "postgres://app@db/x", "postgresql://app:x@/x?host=/run/pg&port=5"])
def test_a_url_that_works_is_taken(load: Load, url: str) -> None:
    assert load(DATABASE__URL=url).database.url.get_secret_value() == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"http://guest:{SECRET}@mq", "no adapter has this scheme. Write "),
        (f"amqp://guest:{SECRET}/x@mq:port", "must be amqp://user:password@host:port/vhost, or amqps://… for TLS;"),
        (f"amqp://{SECRET}:x@", "must be amqp://user:password@host:port/vhost, or amqps://… for TLS;"),
        (SECRET, "must be a URL such as scheme://user:password@host:port."),
    ],
)
@pytest.mark.parametrize("variable", ["REMOTE__URL", "JOBS__URL"])
def test_a_url_of_a_broker_that_cannot_work_is_told_without_showing_it(load: Load, variable: str, url: str, reason: str) -> None:
    assert f"{variable}: {reason}" in refusal(load, **{variable: url})


@pytest.mark.parametrize("url", ["amqp://guest:x@mq/", "amqps://a%2Fb:x@mq:5671/services?heartbeat=5", "amqp://mq"])
def test_a_url_of_a_broker_that_works_is_taken(load: Load, url: str) -> None:
    taken = load(REMOTE__URL=url).remote.url
    assert taken is not None
    assert taken.get_secret_value() == url


def test_a_file_that_cannot_be_read_is_told(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    assert ".env" in refusal(load)


def test_safe_settings_are_taken_in_production(load: Load) -> None:
    assert load(**SAFE).environment == "production"


@pytest.mark.parametrize(
    ("unsafe", "variable"),
    [
        ({"SECURITY__SIGNING_KEYS": "[]"}, "SECURITY__SIGNING_KEYS"),
        ({"DATABASE__URL": "embedded://"}, "DATABASE__URL"),
        ({"MAIL__URL": "console://"}, "MAIL__URL"),
        ({"DATABASE__OWNER_URL": SAFE["DATABASE__URL"]}, "DATABASE__OWNER_URL"),
        ({"DATABASE__WORKER_URL": SAFE["DATABASE__URL"]}, "DATABASE__WORKER_URL"),
        ({"DATABASE__WORKER_URL": SAFE["DATABASE__OWNER_URL"]}, "DATABASE__WORKER_URL"),
        ({"DATABASE__OWNER_URL": f"postgresql://%61pp:{SECRET}@db/x?sslmode=require"}, "DATABASE__OWNER_URL"),
        ({"SERVER__CORS_ORIGINS": '["*"]', "SERVER__CORS_CREDENTIALS": "true"}, "SERVER__CORS_ORIGINS"),
        ({"SERVER__CORS_ORIGINS": "http://app.example.com", "SERVER__CORS_CREDENTIALS": "true"}, "SERVER__CORS_ORIGINS"),
        *(({"SERVER__TRUSTED_PROXIES": network}, "SERVER__TRUSTED_PROXIES") for network in ("0.0.0.0/0", "::/0", "64.0.0.0/2", "2000::/3")),
        ({"AUDIT__SIGNING_KEYS": KEY}, "AUDIT__SIGNING_KEYS"),
        *(({"SECURITY__PASSWORD_MIN_SCORE": score}, "SECURITY__PASSWORD_MIN_SCORE") for score in ("0", "1")),
        *(({name: url}, name) for name, url in UNENCRYPTED),
    ],
)
def test_each_unsafe_setting_is_refused_alone(load: Load, unsafe: dict[str, str], variable: str) -> None:
    heading, line = refusal(load, **(SAFE | unsafe)).splitlines()
    assert "production refuses" in heading
    assert line.startswith(f"  {variable}: ")


@pytest.mark.parametrize(("variable", "url"), PROTECTED)
def test_a_link_that_is_protected_is_accepted_in_production(load: Load, variable: str, url: str) -> None:
    assert load(**(SAFE | {variable: url})).environment == "production"


@pytest.mark.parametrize(("variable", "url"), UNENCRYPTED)
def test_a_link_without_tls_is_accepted_by_name(load: Load, variable: str, url: str) -> None:
    assert load(**(SAFE | {variable: url}), SECURITY__ALLOW_UNENCRYPTED=f"{variable},{variable}").environment == "production"


def test_production_needs_the_url_of_the_pages_of_links(load: Load) -> None:
    del (variables := dict(SAFE))["MAIL__LINKS"]
    heading, line = refusal(load, **variables).splitlines()
    assert "production refuses" in heading
    assert line.startswith("  MAIL__LINKS: ")


def test_any_origin_is_taken_in_production_without_credentials(load: Load) -> None:
    assert load(**SAFE, SERVER__CORS_ORIGINS="*").server.cors_origins == ("*",)


@pytest.mark.parametrize("missing", ["OWNER_URL", "WORKER_URL"])
def test_production_needs_a_url_for_each_role(load: Load, missing: str) -> None:
    del (variables := dict(SAFE))[f"DATABASE__{missing}"]
    assert f"  DATABASE__{missing}: is required" in refusal(load, **variables)


def test_secrets_are_never_shown(load: Load) -> None:
    settings = load(**SAFE, REMOTE__URL=f"amqps://guest:{SECRET}@mq/", JOBS__URL=f"amqps://guest:{SECRET}@mq/")
    shown = [repr(settings), str(settings), settings.model_dump_json(), *configuration_lines(settings)]
    assert not [text for text in shown if SECRET in text]


@pytest.mark.parametrize("url", [SECRET, f"app:{SECRET}@somewhere:9092", "kafka:somewhere", f"kafka://app:{SECRET}@[::1"])
@pytest.mark.parametrize("variable", ["EVENTS__URL", "RATE_LIMIT__URL"])
def test_what_is_no_url_is_refused_without_showing_it(load: Load, variable: str, url: str) -> None:
    assert f"  {variable}: must be a URL such as scheme://user:password@host:port." in refusal(load, **{variable: url}).splitlines()


def test_a_prefix_that_kafka_does_not_allow_is_refused(load: Load) -> None:
    assert "EVENTS__PREFIX: must match the pattern ^[a-zA-Z0-9._-]{1,100}$, not 'my shop'." in refusal(load, EVENTS__PREFIX="my shop")


def test_a_url_of_several_brokers_is_taken_and_its_password_does_not_show(load: Load) -> None:
    settings = load(EVENTS__URL=f"kafka://app:{SECRET}@one:9092,two:9092")
    assert settings.events.url.get_secret_value().endswith("@one:9092,two:9092")
    assert SECRET not in "".join(configuration_lines(settings))
