"""URLs of search servers."""

import pytest

from api_base.infrastructure.elasticsearch.address import SearchAddress, address_at


@pytest.mark.parametrize(
    ("url", "address", "origin"),
    [
        ("elasticsearch+http://search", SearchAddress(engine="elasticsearch", host="search", port=9200, tls=False), "http://search:9200"),
        (
            "opensearch+https://one:p%40ss@search:443/",
            SearchAddress(engine="opensearch", host="search", port=443, tls=True, user="one", password="p@ss"),
            "https://search:443",
        ),
        ("opensearch+http://[::1]:9", SearchAddress(engine="opensearch", host="::1", port=9, tls=False), "http://[::1]:9"),
    ],
)
def test_a_url_names_engine_host_and_user(url: str, address: SearchAddress, origin: str) -> None:
    assert address_at(url) == address
    assert address.origin == origin
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("elasticsearch+http://", "must be elasticsearch+http://user:password@host:port; write / "),
        ("opensearch+https://secret@host", "must have both user and password, or neither"),
        ("opensearch+https://u:secret@host/path", "must be opensearch+https://user:password@host:port; write / "),
        ("opensearch+https://u:secret@host?index=1", "has the unknown parameter 'index'; the parameter is ca"),
        ("opensearch+http://host?ca=/secret.pem", "has a ca, which requires TLS: write opensearch+https://"),
        ("opensearch+https://host?ca=/nowhere.pem", "must name an existing PEM file as ca, not '/nowhere.pem'"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match="^m|^h") as refused:
        address_at(url)
    assert str(refused.value).startswith(problem)
    assert "secret@" not in str(refused.value)
