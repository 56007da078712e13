"""The sampled flag of a caller is limited, so that it is no way to make the process export everything; headers of the exporter are checked."""

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.observability.factory import telemetry
from api_base.interface.middleware.client_address import ClientAddress
from api_base.interface.middleware.logging import CallerFlags
from tests.http_harness import settings

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"


def test_a_client_may_use_it_a_bounded_number_of_times() -> None:
    flags = CallerFlags(ClientAddress([PROXY], "x-forwarded-for"), 0.001)
    assert [flags.used(CLIENT) for _ in range(3)] == [False, False, False]
    flags = CallerFlags(ClientAddress([PROXY], "x-forwarded-for"), 5)
    assert sum(flags.used(CLIENT) for _ in range(1000)) < 50


def test_a_trusted_proxy_may_always_use_it() -> None:
    flags = CallerFlags(ClientAddress([PROXY], "x-forwarded-for"), 0)
    assert all(flags.used(peer) for peer in (PROXY, f"::ffff:{PROXY}") for _ in range(100))
    assert not flags.used(CLIENT)


@pytest.mark.parametrize("headers", ["authorization", "=x", "a b=c", "a=b\r\nx: y", "a=", "a=b,,c=d"])
def test_headers_of_the_exporter_that_are_not_pairs_are_a_configuration_error(headers: str) -> None:
    configured = settings(observability={"otlp_endpoint": "http://127.0.0.1:1", "otlp_headers": headers})
    with pytest.raises(ConfigurationError, match="OBSERVABILITY__OTLP_HEADERS") as raised:
        telemetry(configured)
    assert headers not in str(raised.value)
