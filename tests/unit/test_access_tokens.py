"""Access tokens: what is issued is verified, and nothing else is, whatever is wrong with it [RFC 8725]."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.core.errors import Unauthenticated
from api_base.core.protocols import TokenClaims
from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.auth.jwt import LEEWAY, Ed25519TokenIssuer, Ed25519TokenVerifier
from api_base.infrastructure.auth.keys import SigningKey
from tests.factories.keys import signing_key
from tests.support import FixedClock

USER, SESSION, TENANT = UserId(uuid4()), SessionId(uuid4()), TenantId(uuid4())
OLD, NEW, FOREIGN = signing_key(), signing_key(), signing_key()


def issuer(*keys: SigningKey, clock: FixedClock | None = None) -> Ed25519TokenIssuer:
    return Ed25519TokenIssuer(keys or (NEW,), clock or FixedClock(), issuer="us", audience="api", seconds=600)


def verifier(*keys: SigningKey, clock: FixedClock | None = None, capacity: int = 10) -> Ed25519TokenVerifier:
    return Ed25519TokenVerifier(keys or (NEW,), clock or FixedClock(), issuer="us", audience="api", capacity=capacity)


def issue(source: Ed25519TokenIssuer | None = None) -> bytes:
    return (source or issuer()).issue(USER, SESSION, TENANT).value.encode()


@pytest.mark.parametrize("tenant", [TENANT, None])
def test_what_was_issued_is_verified(tenant: TenantId | None) -> None:
    token = issuer().issue(USER, SESSION, tenant)
    expected = TokenClaims(user_id=USER, session_id=SESSION, tenant_id=tenant, expires_at=int(token.expires_at.timestamp()))
    assert token.expires_at == FixedClock().now() + timedelta(seconds=600)
    assert verifier().verify(token.value.encode()) == expected


def test_no_two_tokens_are_equal() -> None:
    assert issue() != issue()


def test_any_library_verifies_them_with_the_published_key_set() -> None:
    token = issuer(NEW, OLD).issue(USER, SESSION, TENANT).value
    key_set = jwt.PyJWKSet.from_dict(json.loads(json.dumps(issuer(NEW, OLD).key_set())))
    header = jwt.get_unverified_header(token)
    payload = jwt.decode(
        token, key_set[header["kid"]], audience="api", issuer="us", options={"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    )
    assert header["typ"] == "at+jwt"
    assert (payload["sub"], payload["sid"], payload["tid"]) == (str(USER), str(SESSION), str(TENANT))


def test_a_key_is_rotated_without_logging_anybody_out() -> None:
    by_old, by_new = issue(issuer(OLD, NEW)), issue(issuer(NEW, OLD))
    for keys in ((OLD, NEW), (NEW, OLD)):
        assert verifier(*keys).verify(by_old) == verifier(*keys).verify(by_new)
    with pytest.raises(Unauthenticated, match="signing key is unknown or retired"):
        verifier(NEW).verify(by_old)


def test_it_expires_to_the_second_known_or_not() -> None:
    clock = FixedClock()
    token, known = issue(issuer(clock=clock)), verifier(clock=clock)
    clock.time += timedelta(seconds=599.999)
    known.verify(token)
    clock.time += timedelta(seconds=0.001)
    for some in (known, known, verifier(clock=clock)):
        with pytest.raises(Unauthenticated, match="has expired"):
            some.verify(token)


def test_the_clock_of_the_issuer_may_be_a_little_ahead_and_no_more() -> None:
    ahead = FixedClock(FixedClock().now() + timedelta(seconds=LEEWAY))
    verifier().verify(issue(issuer(clock=ahead)))
    ahead.time += timedelta(seconds=1)
    with pytest.raises(Unauthenticated, match="not valid yet"):
        verifier().verify(issue(issuer(clock=ahead)))


def test_a_known_token_is_not_verified_again_and_the_oldest_is_forgotten() -> None:
    small = verifier(capacity=2)
    tokens = [issue() for _ in range(3)]
    claims = [small.verify(token) for token in tokens]
    assert small.verify(tokens[2]) is claims[2]
    assert small.verify(tokens[1]) is claims[1]
    assert small.verify(tokens[0]) is not claims[0]


def now() -> int:
    return int(FixedClock().now().timestamp())


def forged(*, key: Any = NEW.private, algorithm: str = "EdDSA", headers: dict[str, Any] | None = None, **claims: Any) -> bytes:
    """A token that is good but for what is said; a claim of None is left out."""
    good = {"iss": "us", "aud": "api", "sub": str(USER), "sid": str(SESSION), "jti": "x", "iat": now(), "nbf": now(), "exp": now() + 600}
    payload = {name: value for name, value in (good | claims).items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"typ": "at+jwt", "kid": NEW.kid} | (headers or {})).encode()


def test_the_forger_can_make_a_good_one() -> None:
    assert verifier().verify(forged()).user_id == USER


PUBLIC_AS_SECRET = NEW.public_jwk()["x"]

BAD: dict[str, Callable[[], bytes]] = {
    "no signature": lambda: forged(key=None, algorithm="none"),
    "public key as a shared secret": lambda: forged(key=PUBLIC_AS_SECRET.ljust(64), algorithm="HS256"),
    "foreign key under our id": lambda: forged(key=FOREIGN.private),
    "foreign key": lambda: forged(key=FOREIGN.private, headers={"kid": FOREIGN.kid}),
    "no key id": lambda: forged(headers={"kid": ""}),
    "key brought along": lambda: forged(key=FOREIGN.private, headers={"kid": FOREIGN.kid, "jwk": dict(FOREIGN.public_jwk())}),
    "another type": lambda: forged(headers={"typ": "JWT"}),
    "no type": lambda: forged(headers={"typ": ""}),
    "critical extension": lambda: forged(headers={"crit": ["exp"], "exp": 1}),
    "unencoded payload": lambda: forged(headers={"b64": False, "crit": ["b64"]}),
    "another issuer": lambda: forged(iss="them"),
    "another audience": lambda: forged(aud="theirs"),
    "several audiences": lambda: forged(aud=["api", "theirs"]),
    "a user that is no id": lambda: forged(sub="root"),
    "a session that is no text": lambda: forged(sid=7),
    "a tenant that is no text": lambda: forged(tid=7),
    "a tenant that is no id": lambda: forged(tid="acme"),
    "expiry as text": lambda: forged(exp=str(now() + 600)),
    "expiry as a truth": lambda: forged(exp=True),
    "a beginning as a truth": lambda: forged(nbf=True),
    "expiry without end": lambda: forged(exp=float("inf")),
    "expiry in fractions": lambda: forged(exp=now() + 600.5),
    "not yet": lambda: forged(nbf=now() + 3600),
    "issued tomorrow": lambda: forged(iat=now() + 86400),
    "nothing": lambda: b"",
    "too long": lambda: forged(pad="x" * 4096),
    **{
        f"without {claim}": (lambda claim=claim: forged(**{claim: None}))
        for claim in ("iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp")
    },
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("what", BAD)
def test_bad_tokens_are_refused(what: str) -> None:
    some = verifier()
    for _ in range(2):
        with pytest.raises(Unauthenticated) as refused:
            some.verify(BAD[what]())
        assert len(str(refused.value)) < 120


@given(st.binary(max_size=5000))
def test_rubbish_is_refused_and_nothing_else_happens(rubbish: bytes) -> None:
    with pytest.raises(Unauthenticated):
        verifier().verify(rubbish)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(
    header=JSON | st.fixed_dictionaries({"alg": st.just("EdDSA") | JSON, "typ": st.just("at+jwt") | JSON, "kid": st.just(NEW.kid) | JSON}),
    payload=JSON,
)
def test_what_looks_like_a_token_is_refused_and_nothing_else_happens(header: object, payload: object) -> None:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload, "signature")]
    with pytest.raises(Unauthenticated):
        verifier().verify(b".".join(parts))


@given(
    payload=JSON
    | st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "sid", "tid", "jti", "iat", "nbf", "exp"]), JSON | st.sampled_from(["us", "api", str(USER)])
    )
)
def test_well_signed_rubbish_is_refused_too(payload: object) -> None:
    signing = base64.urlsafe_b64encode(json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": NEW.kid}).encode()).rstrip(b"=")
    signing += b"." + base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=")
    signature = base64.urlsafe_b64encode(NEW.private.sign(signing)).rstrip(b"=")
    with pytest.raises(Unauthenticated):
        verifier().verify(signing + b"." + signature)


@pytest.mark.parametrize("deep", [b"[" * 2000, b'{"a":' * 500, b"1" * 3000])
def test_deep_nesting_and_huge_numbers_are_refused(deep: bytes) -> None:
    with pytest.raises(Unauthenticated):
        verifier().verify(base64.urlsafe_b64encode(deep).rstrip(b"=") + b".e30.e30")


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_changed_bit_passes(position: int, bit: int) -> None:
    token = bytearray(issue())
    position %= len(token)
    if token[position] != ord(".") and position != len(token) - 1:  # the last character has bits that mean nothing
        token[position] ^= 1 << bit
        with pytest.raises(Unauthenticated):
            verifier().verify(bytes(token))
