"""The way to the broker, as `api-base doctor` and everybody else finds it."""

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import Unavailable
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection, check
from api_base.operations.diagnosis import diagnose
from tests.application import settings_on
from tests.rabbitmq import connected


async def test_a_broker_that_answers_is_named_without_its_password(amqp_url: str) -> None:
    assert await check(amqp_url) == f"RabbitMQ at {amqp_url.rpartition('@')[2].strip('/')}"


@pytest.mark.parametrize("url", ["amqp://guest:secret@127.0.0.1:1/", "amqp://guest:secret@nowhere.invalid/"])
async def test_a_broker_that_is_not_there_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable) as caught:
        await RabbitMqConnection(url, "tests").channel()
    assert "secret" not in str(caught.value)


async def test_a_wrong_password_is_told(amqp_url: str) -> None:
    wrong = amqp_url.replace("guest:guest", "guest:secret")
    assert wrong != amqp_url
    with pytest.raises(Unavailable) as caught:
        await check(wrong)
    assert "secret" not in str(caught.value)
    assert "REFUSED" in str(caught.value).upper()


async def test_it_is_opened_again_after_it_was_closed(amqp_url: str) -> None:
    async with connected(amqp_url) as connection:
        first = await connection.channel()
        await connection.close()
        assert first.is_closed
        assert not (await connection.channel()).is_closed


@pytest.mark.parametrize("what", ["remote", "jobs"])
async def test_doctor_tries_the_broker(migrated: Urls, amqp_url: str, what: str) -> None:
    for url, well in ((amqp_url, True), ("amqp://guest:secret@127.0.0.1:1/", False)):
        findings = await diagnose(settings_on(migrated, **{what: {"url": url}}), migrated, BUILT_IN)
        (broker,) = [finding for finding in findings if finding.what == what]
        assert broker.well is well
        assert "secret" not in broker.detail
    assert not [finding for finding in await diagnose(settings_on(migrated), migrated, BUILT_IN) if finding.what == what]
