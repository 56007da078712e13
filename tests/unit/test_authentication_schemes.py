"""Each way to authenticate describes itself as a security scheme of OpenAPI [OpenAPI 3.1.1, "Security Scheme Object"]."""

import pytest

from api_base.interface.middleware.auth import AuthenticationScheme, Bearer
from api_base.interface.middleware.basic import Basic
from api_base.interface.middleware.session_cookie import SessionCookie
from api_base.interface.middleware.token_header import TokenHeader

MEMBERS = {
    "http": {"scheme"},
    "apiKey": {"in", "name"},
    "oauth2": {"flows"},
    "openIdConnect": {"openIdConnectUrl"},
    "mutualTLS": set[str](),
}


@pytest.mark.parametrize("scheme", [Basic, Bearer, SessionCookie, TokenHeader])
def test_a_scheme_has_the_members_of_its_type(scheme: type[AuthenticationScheme]) -> None:
    described = dict(scheme.description)
    kind = described.pop("type")
    assert isinstance(kind, str)
    assert MEMBERS[kind] <= described.keys()
    assert all(isinstance(value, str) and value for value in described.values())


def test_a_token_header_is_a_key_in_the_header() -> None:
    assert {name: TokenHeader.description[name] for name in ("type", "in", "name")} == {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
    }
