"""OFREP by a client that we did not write: PyPI's openfeature-provider-ofrep behind OpenFeature's SDK, over a socket."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from openfeature import api as openfeature
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on
from tests.factories.flags import HIT, TEMPLATE, canonical, document, snapshot
from tests.flag_server import StatedFlags, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def configured(shared_migrated: Urls) -> Settings:
    return settings_on(shared_migrated)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(configured: Settings) -> AsyncIterator[Running]:
    async with running(configured) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ana(people: Running) -> Person:
    return await people.person()


@pytest.fixture(scope="module")
def base_url(configured: Settings, ana: Person) -> Any:
    flags = StatedFlags()
    with serving(configured, flags) as url:
        by_country = [{"conditions": [{"attribute": "country", "operator": "in", "values": ["PT"]}], "variant": "on"}]
        by_user = [{"conditions": [{"attribute": "user", "operator": "in", "values": [str(ana.id)]}], "variant": "on"}]
        flags.current.replace(
            snapshot(
                *(one | {"client": True} for one in canonical()),
                document(key="internal"),
                document(key="by-country", client=True, rules=by_country),
                document(key="by-user", client=True, rules=by_user),
            )
        )
        yield url


def client_of(base_url: str, headers: dict[str, str]) -> OpenFeatureClient:
    domain = str(uuid4())
    openfeature.set_provider_and_wait(OFREPProvider(base_url, headers_factory=lambda: headers), domain)
    return openfeature.get_client(domain)


@pytest.mark.parametrize(
    ("kind", "key", "default", "value", "variant"),
    [
        ("boolean", "boolean-flag", False, True, "on"),
        ("string", "string-flag", "bye", "hi", "greeting"),
        ("integer", "integer-flag", 1, 10, "ten"),
        ("float", "float-flag", 0.1, 0.5, "half"),
        ("float", "integral-float-flag", 0.1, 10.0, "ten"),
        ("integer", "huge-integer-flag", 1, 2**53 - 1, "max-safe"),
        ("boolean", "boolean-zero-flag", True, False, "zero"),
        ("string", "string-zero-flag", "fallback", "", "zero"),
        ("object", "object-flag", {}, TEMPLATE, "template"),
    ],
)
async def test_each_type_arrives(base_url: str, ana: Person, kind: str, key: str, default: Any, value: Any, variant: str) -> None:
    details = getattr(client_of(base_url, ana.headers), f"get_{kind}_details")(key, default)
    assert (details.value, details.variant, details.reason, details.error_code) == (value, variant, "STATIC", None)


async def test_the_context_of_the_client_arrives_and_its_identity_does_not(base_url: str, ana: Person) -> None:
    client = client_of(base_url, ana.headers)
    context = EvaluationContext(targeting_key=HIT, attributes={"country": "PT", "user": HIT})
    assert client.get_boolean_details("by-country", False, context).reason == "TARGETING_MATCH"
    assert client.get_string_value("targeting-key-flag", "fallback", context) == "miss"
    assert client.get_boolean_value("by-user", False, context) is True


@pytest.mark.parametrize(
    ("key", "code"),
    [("internal", ErrorCode.FLAG_NOT_FOUND), ("missing-flag", ErrorCode.FLAG_NOT_FOUND), ("string-flag", ErrorCode.TYPE_MISMATCH)],
)
async def test_errors_leave_the_default_of_the_client(base_url: str, ana: Person, key: str, code: ErrorCode) -> None:
    details = client_of(base_url, ana.headers).get_boolean_details(key, True)
    assert (details.value, details.reason, details.error_code) == (True, "ERROR", code)


async def test_a_client_without_a_token_has_its_defaults(base_url: str) -> None:
    details = client_of(base_url, {}).get_boolean_details("boolean-flag", False)
    assert (details.value, details.error_code, details.error_message) == (False, ErrorCode.GENERAL, "unauthorized")


async def test_a_disabled_flag_leaves_the_default_of_the_client(base_url: str, ana: Person) -> None:
    """This client (0.3.0) additionally reports an error, because it requires the variant that the protocol makes optional."""
    assert client_of(base_url, ana.headers).get_boolean_value("disabled-boolean-flag", False) is False
    assert client_of(base_url, ana.headers).get_string_value("disabled-string-flag", "bye") == "bye"
