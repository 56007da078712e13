"""Logs: one format, the request bound, no secrets."""

import io
import json
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
import structlog

from api_base.core.shared.logging import REDACTED, configure_logging, get_logger
from api_base.core.shared.tracing import span, traced
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Standard output stands in for the stream; what was configured before comes back."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield io.StringIO()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_secrets_never_show_at_any_depth(stream: io.StringIO) -> None:
    configure_logging(level="info", json=True, stream=stream)
    get_logger("x").info(
        "event", password="p", Authorization="a", body={"refresh_token": "r", "deep": [{"cookie": "c", "name": "n"}]}, api_key="k"
    )
    (line,) = lines(stream)
    assert line["body"] == {"refresh_token": REDACTED, "deep": [{"cookie": REDACTED, "name": "n"}]}
    assert line["password"] == line["Authorization"] == line["api_key"] == REDACTED


@pytest.mark.parametrize("json_lines", [True, False], ids=["production", "development"])
@pytest.mark.parametrize("logger", [get_logger("ours"), logging.getLogger("theirs")], ids=["ours", "theirs"])
def test_a_traceback_shows_no_values(stream: io.StringIO, json_lines: bool, logger: logging.Logger) -> None:
    def log_in(password: str) -> None:
        raise RuntimeError("on purpose")

    configure_logging(level="info", json=json_lines, stream=stream)
    try:
        log_in("correct" + "horse")
    except RuntimeError:
        logger.exception("failed")
    assert "on purpose" in stream.getvalue()
    assert "in log_in" in stream.getvalue()
    assert "correcthorse" not in stream.getvalue()


async def test_what_is_known_of_the_request_is_bound(stream: io.StringIO) -> None:
    configure_logging(level="info", json=True, stream=stream)
    user, tenant = UserId(uuid4()), TenantId(uuid4())
    principal = Principal(user_id=user, session_id=None, tenant_id=tenant, role=None, platform_admin=False, permissions=frozenset())
    current_context.set(RequestContext(request_id="r", trace_id="t", principal=principal))
    get_logger("here").info("event")
    logging.getLogger("library").warning("said %s", "so")
    ours, theirs = lines(stream)
    for line in (ours, theirs):
        assert (line["request_id"], line["trace_id"], line["principal"], line["tenant"]) == ("r", "t", str(user), str(tenant))
    assert ours["component"] == "here"
    assert theirs["event"] == "said so"


def test_levels_hold_for_both(stream: io.StringIO) -> None:
    configure_logging(level="warning", json=True, stream=stream)
    get_logger("x").info("quiet")
    logging.getLogger("x").info("quiet")
    get_logger("x").warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_an_exception_is_one_line_of_json(stream: io.StringIO) -> None:
    configure_logging(level="info", json=True, stream=stream)
    try:
        raise ValueError("inside")
    except ValueError:
        get_logger("x").exception("failed")
    (line,) = lines(stream)
    assert "ValueError: inside" in str(line["exception"])


def test_development_reads_well(stream: io.StringIO) -> None:
    configure_logging(level="info", json=False, stream=stream)
    get_logger("x").info("hello", name="world", password="p")
    assert "hello" in stream.getvalue()
    assert "name=world" in stream.getvalue().replace("\x1b[0m", "")
    assert "=p\n" not in stream.getvalue()


async def test_traced_functions_behave_as_before() -> None:
    @traced(name="plain", attributes={"a": 1})
    def plain(x: int) -> int:
        return x + 1

    @traced(name="later")
    async def later(x: int) -> int:
        if x < 0:
            raise ValueError("negative")
        return x + 1

    assert plain(1) == await later(1) == 2
    assert (plain.__name__, later.__name__) == ("plain", "later")
    with pytest.raises(ValueError, match="negative"):
        await later(-1)
    with span("block", {"a": 1}):
        assert plain(2) == 3


def test_a_driver_whose_broker_is_away_says_the_same_once(stream: io.StringIO) -> None:
    configure_logging(level="info", json=True, stream=stream)
    for _ in range(100):
        logging.getLogger("aiokafka.conn").error("no connection")
        logging.getLogger("ours").error("no connection")
    assert len(lines(stream)) == 101
