"""`EVENTS__URL` of Kafka: credentials, TLS and mechanism are parts of the URL, and no message shows it."""

import traceback
from pathlib import Path

import pytest

from api_base.infrastructure.kafka.connection import connection_at

SECRET = "n0t-for-anybodys-eyes"


def test_a_url_without_credentials_and_tls() -> None:
    connection = connection_at("kafka://one:9092,two:9093", "shop")
    assert (connection.brokers, connection.prefix, connection.username, connection.password) == ("one:9092,two:9093", "shop", None, None)
    assert connection.options()["security_protocol"] == "PLAINTEXT"


def test_a_url_with_credentials_proves_them_by_scram_sha_512_unless_it_names_another_mechanism() -> None:
    connection = connection_at(f"kafka://a%2Fb:{SECRET}%40@one:9092", "shop")
    assert (connection.username, connection.password, connection.mechanism) == ("a/b", f"{SECRET}@", "SCRAM-SHA-512")
    assert SECRET not in repr(connection)
    assert connection_at("kafka://a:b@one:9092?mechanism=SCRAM-SHA-256", "shop").mechanism == "SCRAM-SHA-256"


def test_tls_checks_certificates_by_the_systems_authorities_or_by_those_of_the_url(tmp_path: Path) -> None:
    (ca := tmp_path / "ca of ours.pem").touch()
    assert connection_at("kafka+ssl://one:9093", "shop").options()["security_protocol"] == "SSL"
    connection = connection_at(f"kafka+ssl://a:b@one:9093?ca={str(ca).replace(' ', '%20')}", "shop")
    assert (connection.tls, connection.tls_ca) == (True, ca)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("amqp://somewhere:5672", "must be kafka://user:password@host:port"),
        ("kafka://somewhere", "must be kafka://"),
        ("kafka://somewhere:x", "must be kafka://"),
        ("kafka://somewhere:0", "must be kafka://"),
        ("kafka://somewhere:65536", "must be kafka://"),
        ("kafka://one:9092,two", "must be kafka://"),
        ("kafka://one:9092/topic", "must be kafka://"),
        (f"kafka://app:{SECRET}#1@one:9092", "must be kafka://"),
        (f"kafka://app:s/{SECRET}@one:9092", "must be kafka://"),
        ("kafka://one:9092?mechanism", "must be kafka://"),
        ("kafka://app@one:9092", "must have both user and password"),
        (f"kafka://:{SECRET}@one:9092", "must have both user and password"),
        (f"kafka://app:{SECRET}@one:9092?tls=true", "has the unknown parameter 'tls'; the parameters are mechanism and ca"),
        ("kafka://a:b@one:9092?mechanism=PLAIN", "must have SCRAM-SHA-256 or SCRAM-SHA-512 as mechanism, not 'PLAIN'"),
        pytest.param(f"kafka://one:9092?ca={__file__}", "has a ca, which requires TLS: write kafka+ssl://", id="a ca without TLS"),
        ("kafka+ssl://one:9093?ca=missing.pem", "must name an existing PEM file as ca, not 'missing.pem'"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_showing_it(url: str, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        connection_at(url, "shop")
    assert str(refused.value).startswith(reason)
    assert SECRET not in "".join(traceback.format_exception(refused.value))
