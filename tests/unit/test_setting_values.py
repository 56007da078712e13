"""Every setting, found by walking `Settings`: lists in each form, empty values, names, and the sentences of refusals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_origin

import pytest

from api_base.core.config import Settings, load_settings
from api_base.core.config.sources import is_secret, section_of, variables
from api_base.core.errors import ConfigurationError

type Load = Callable[..., Settings]

SETTINGS = dict(variables(Settings))
LISTS = [variable for variable, field in SETTINGS.items() if get_origin(field.annotation) is tuple]
SECTIONS = [name.upper() for name, field in Settings.model_fields.items() if section_of(field) is not None]
PEM = "-----BEGIN PRIVATE KEY-----{}-----END PRIVATE KEY-----"
VALID = {
    "STORAGE__ALLOWED_TYPES": ("image/png", "text/plain"),
    "OBSERVABILITY__BAGGAGE_KEYS": ("region", "user.plan"),
    "CONTEXTS": ("shop.orders:ORDERS", "invoices:INVOICES"),
    "CONTEXTS_DISABLED": ("items", "search"),
    "AUTH__SCHEMES": ("token", "cookie"),
    "PLANS": ("standard", "pro"),
    "SERVER__TRUSTED_PROXIES": ("10.0.0.0/8", "2001:db8::1"),
    "SERVER__ALLOWED_HOSTS": ("api.example.com", "*.example.org"),
    "SERVER__CORS_ORIGINS": ("https://app.example.com", "http://localhost:3000"),
    "SECURITY__ALLOW_UNENCRYPTED": ("EVENTS__URL", "MAIL__LINKS"),
    "SECURITY__SIGNING_KEYS": (PEM.format("a"), PEM.format("b")),
    "AUDIT__SIGNING_KEYS": (PEM.format("a"), PEM.format("b")),
}
"""Two valid values for each list setting. A new list setting needs a row."""
EVERYTHING = {"SERVER__CORS_ORIGINS"}
"""Lists in which `*` means everything. In all others it is refused."""
UNITS = ("_SECONDS", "_HOURS", "_DAYS", "_BYTES", "_PIXELS")
UNITLESS = {
    "DATABASE__EMBEDDED_PORT", "DATABASE__POOL_SIZE", "SERVER__PORT", "SERVER__WORKERS", "SERVER__MAX_HEADER_FIELDS", "SERVER__MAX_CONNECTIONS",
    "SERVER__MAX_CONNECTIONS_PER_ADDRESS", "SERVER__CONCURRENCY", "SECURITY__PASSWORD_MIN_LENGTH",
    "SECURITY__PASSWORD_MIN_SCORE", "SECURITY__HASH_CONCURRENCY", "SECURITY__FAILED_LOGINS", "MAIL__RECIPIENT_LIMIT", "RATE_LIMIT__REQUESTS", "RATE_LIMIT__BURST",
    "RATE_LIMIT__LOGIN_REQUESTS", "RATE_LIMIT__LOGIN_BURST", "RATE_LIMIT__FAILED_TOKENS", "RATE_LIMIT__LOCAL_SHARE", "JOBS__CONCURRENCY", "REMOTE__CONCURRENCY", "CACHE__MAX_ENTRIES",
    "RESILIENCE__ATTEMPTS", "RESILIENCE__CONCURRENCY", "RESILIENCE__QUEUE_SIZE", "RESILIENCE__FAILURE_RATE", "RESILIENCE__MINIMUM_CALLS", "RESILIENCE__SLOW_RATE", "OBSERVABILITY__METRICS_PORT", "SEARCH__CANDIDATES",
    "OBSERVABILITY__TRACE_CALLERS_PER_SECOND", "OBSERVABILITY__TRACE_SAMPLE_RATIO", "FILES__QUOTA_FILES", "FILES__UPLOAD_CONCURRENCY", "FILES__TOTAL_UPLOAD_CONCURRENCY",
    "GRAPHQL__BATCH", "GRAPHQL__MAX_COST", "GRAPHQL__MAX_DEPTH", "GRAPHQL__MAX_TOKENS", "GRAPHQL__SUBSCRIPTIONS", "MCP__TOKENS_PER_USER",
    "REALTIME__KEEP_EVENTS", "REALTIME__MAX_CHANNELS", "REALTIME__MAX_MEMBERS", "REALTIME__MAX_SESSIONS", "REALTIME__MAX_SESSIONS_PER_ADDRESS",
    "REALTIME__MAX_SESSIONS_PER_USER", "WEBSOCKET__FRAMES_PER_SECOND", "WEBSOCKET__FRAME_BURST", "WEBSOCKET__MAX_CONNECTIONS",
    "WEBSOCKET__MAX_CONNECTIONS_PER_USER", "WEBSOCKET__MAX_QUEUE_MESSAGES", "WEBSOCKET__MAX_UNAUTHENTICATED",
    "WEBSOCKET__MAX_UNAUTHENTICATED_PER_ADDRESS", "VERSIONS__OLDEST",
}  # fmt: skip
"""Numbers that count, or are a fraction or a port."""
SHOWN_URLS = ("STORAGE__PUBLIC_URL", "SERVER__PUBLIC_URL")
"""Addresses of ours, which browsers and clients see: each is an origin, which has no user and no password."""


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Loads the settings in an empty folder, with these variables alone."""
    monkeypatch.chdir(tmp_path)
    for variable in (*SETTINGS, *SECTIONS):
        monkeypatch.delenv(variable, raising=False)

    def load(**values: str) -> Settings:
        for variable, value in values.items():
            monkeypatch.setenv(variable, value)
        return load_settings()

    return load


def value_of(settings: Settings, variable: str) -> object:
    value: object = settings
    for name in variable.lower().split("__"):
        value = getattr(value, name)
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def plain(value: object) -> object:
    return getattr(value, "get_secret_value", lambda: value)()


def refusal(load: Load, **values: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(**values)
    heading, *lines = str(refused.value).splitlines()
    assert heading == "The configuration is not valid:"
    return lines


@pytest.mark.parametrize("variable", LISTS)
def test_a_list_is_json_or_values_separated_by_commas(load: Load, variable: str) -> None:
    values = VALID[variable]
    for written in (",".join(values), f" {values[0]} , {values[1]}, ", json.dumps(values), json.dumps(values, indent=1)):
        assert value_of(load(**{variable: written}), variable) == values, written
    assert value_of(load(**{variable: values[0]}), variable) == values[:1]


@pytest.mark.parametrize("variable", LISTS)
def test_a_list_of_everything_is_taken_where_that_has_a_meaning_and_refused_elsewhere(load: Load, variable: str) -> None:
    if variable in EVERYTHING:
        assert value_of(load(**{variable: "*"}), variable) == value_of(load(**{variable: '["*"]'}), variable) == ("*",)
        return
    (line,) = refusal(load, **{variable: "*"})
    shown = "" if is_secret(SETTINGS[variable].annotation) else ", not '*'"
    assert line.startswith(f"  {variable}: must be ")
    assert line.endswith(f"{shown}.")


@pytest.mark.parametrize("variable", LISTS)
@pytest.mark.parametrize("written", ['["a"', '{"a": 1}', "[1, 2"])
def test_json_that_is_no_list_is_refused(load: Load, variable: str, written: str) -> None:
    (line,) = refusal(load, **{variable: written})
    assert line.startswith(f'  {variable}: must be a list: values separated by commas, or a JSON array such as ["a", "b"]')


@pytest.mark.parametrize("variable", SETTINGS)
def test_an_empty_value_means_that_the_setting_is_not_set(load: Load, variable: str) -> None:
    unset = value_of(load(), variable)
    assert value_of(load(**{variable: ""}), variable) == unset


def test_an_empty_variable_gives_way_to_the_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("APP_NAME=Ours\nSERVER__PORT=\n")
    settings = load(APP_NAME="")
    assert (settings.app_name, settings.server.port) == ("Ours", 8000)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("value", ["/var/mail/root", "*", "{}", '{"url": "x"}', "true", "["])
def test_the_bare_name_of_a_section_is_no_setting(load: Load, section: str, value: str, tmp_path: Path) -> None:
    assert load(**{section: value}) == load(**{section: ""})
    (tmp_path / ".env").write_text(f"{section}='{value}'\n")
    assert load() == load(**{section: ""})


def test_the_variables_that_shells_and_platforms_set_do_not_matter(load: Load) -> None:
    assert load(MAIL="/var/mail/root", SERVER="web-1", DEBUG="*", DATABASE="postgres", JOBS="4") == load()


def test_every_number_has_its_unit_in_its_name() -> None:
    numbers = {name for name, field in SETTINGS.items() if field.annotation in (int, float, int | None, float | None)}
    assert {name for name in numbers if not name.endswith(UNITS)} == UNITLESS
    assert not [
        name for name, field in SETTINGS.items() if (field.description or "").startswith("Seconds") and not name.endswith("_SECONDS")
    ]
    assert not [name for name, field in SETTINGS.items() if (field.description or "").startswith("Days") and not name.endswith("_DAYS")]
    assert not [name for name in SETTINGS if name.endswith(("AT_ONCE", "CONCURRENT", "PARALLELISM"))]


def test_every_url_of_a_service_is_secret_for_it_may_hold_a_password() -> None:
    urls = [field for name, field in SETTINGS.items() if name.endswith("URL") and name not in SHOWN_URLS]
    assert len(urls) == 15
    assert all(is_secret(field.annotation) for field in urls)
    assert not [
        name for name in SETTINGS if name.endswith(("USERNAME", "PASSWORD", "USER", "MECHANISM")) and not name.endswith("_PER_USER")
    ]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("SERVER__PORT", "0", "must be at least 1, not '0'."),
        ("SERVER__PORT", "65536", "must be at most 65535, not '65536'."),
        ("SERVER__PORT", "http", "must be a whole number, not 'http'."),
        ("SERVER__PORT", "1.5", "must be a whole number, not '1.5'."),
        ("SERVER__PORT", "9" * 5000, f"must be a whole number with fewer digits, not '{'9' * 50}'."),
        ("SERVER__REQUEST_TIMEOUT_SECONDS", "30s", "must be a number, not '30s'."),
        ("SERVER__REQUEST_TIMEOUT_SECONDS", "0", "must be greater than 0, not '0'."),
        ("SERVER__REQUEST_TIMEOUT_SECONDS", "nan", "must be at most 600, not 'nan'."),
        ("SERVER__CORS_CREDENTIALS", "perhaps", "must be true or false, not 'perhaps'."),
        ("SERVER__CORS_ORIGINS", "https://a.example/path", "must be * or an origin such as https://app.example.com, without a path, not 'https://a.example/path'."),
        ("SERVER__TRUSTED_PROXIES", "10.0.0.1,proxy", "must be an IP address or a network such as 10.0.0.0/8, not 'proxy'."),
        ("CONTEXTS_DISABLED", "Items!", "must be the name of a built-in context, such as items, not 'Items!'."),
        ("CONTEXTS", "invoices", "must be package.module:ATTRIBUTE, not 'invoices'."),
        ("ENVIRONMENT", "prod", "must be 'development', 'test' or 'production', not 'prod'."),
        ("OBSERVABILITY__LOG_LEVEL", "trace", "must be 'debug', 'info', 'warning' or 'error', not 'trace'."),
        ("OBSERVABILITY__TRACE_SAMPLE_RATIO", "2", "must be at most 1, not '2'."),
        ("APP_NAME", "a" * 101, f"must have at most 100 characters, not '{'a' * 50}'."),
        ("DATABASE__SEARCH_ROLE", "a" * 64, f"must have at most 63 characters, not '{'a' * 50}'."),
        ("MAIL__SENDER", "x", "must have at least 3 characters, not 'x'."),
        ("MAIL__SENDER", "nobody", "must be an e-mail address without a name, such as no-reply@example.com, not 'nobody'."),
        ("MAIL__LINKS", "ftp://a:b@example.com", "must be an http(s) URL without query and fragment."),
        ("DATABASE__POOL_SZIE", "5", "is not a setting; write DATABASE__POOL_SIZE."),
        ("MAIL__SECRET", "n0t-shown", "is not a setting; docs/configuration.md lists all settings."),
        ("SECURITY__SIGNING_KEYS", "n0t-shown", "must be a private key in PEM that starts with -----BEGIN PRIVATE KEY----- (openssl genpkey -algorithm ed25519)."),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_with_variable_reason_and_value(load: Load, variable: str, value: str, sentence: str) -> None:
    assert refusal(load, **{variable: value}) == [f"  {variable}: {sentence}"]


def test_all_problems_are_reported_together(load: Load) -> None:
    lines = refusal(load, SERVER__PORT="0", SERVER__CORS_ORIGINS="a,b", JOBS__URL="x", OBSERVABILITY__LOG_FORMAT="xml")
    assert [line.split(":")[0].strip() for line in lines] == [
        "SERVER__PORT", "SERVER__CORS_ORIGINS", "SERVER__CORS_ORIGINS", "JOBS__URL", "OBSERVABILITY__LOG_FORMAT",
    ]  # fmt: skip


def test_the_plan_of_new_tenants_is_one_of_the_plans(load: Load) -> None:
    assert refusal(load, PLANS="pro,basic") == ["  PLANS: must contain standard, the plan of a new tenant."]
