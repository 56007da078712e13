"""Signing keys: what is accepted, what is told of what is not, and one development key for all processes."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.auth import keys
from api_base.testing.keys import pem

# The key of RFC 8037, appendix A.1, and its thumbprint, A.3.
RFC_KEY = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_public_half_and_thumbprint_are_those_of_the_rfc(tmp_path: Path) -> None:
    text = Ed25519PrivateKey.from_private_bytes(RFC_KEY).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (key,) = keys.load([text], tmp_path)
    assert key.public_jwk() == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": RFC_THUMBPRINT,
        "use": "sig",
        "alg": "EdDSA",
    }


def test_configured_keys_keep_their_order_and_make_no_file(tmp_path: Path) -> None:
    first, second = pem(), pem()
    loaded = keys.load([first, second.replace("\n", "\\n")], tmp_path / "keys")
    assert [key.kid for key in loaded] == [keys.load([text], tmp_path)[0].kid for text in (first, second)]
    assert not (tmp_path / "keys").exists()


OTHER_KIND = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LOCKED = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass")).decode()


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ("nonsense", "must be a private key"),
        (OTHER_KIND, "must be an Ed25519 key"),
        (LOCKED, "must be a private key"),
        ("", "must be a private key"),
    ],
)
def test_what_is_no_key_is_named_by_its_variable_and_not_shown(bad: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=what) as refused:
        keys.load([pem(), bad], tmp_path)
    assert "SECURITY__SIGNING_KEYS[1]" in str(refused.value)
    assert not bad or bad not in str(refused.value)


def test_the_same_key_twice_is_refused(tmp_path: Path) -> None:
    text = pem()
    with pytest.raises(ConfigurationError, match="twice"):
        keys.load([text, text], tmp_path)


def test_a_key_does_not_show_its_private_half(tmp_path: Path) -> None:
    (key,) = keys.load([], tmp_path)
    assert "private" not in repr(key)


def test_many_that_start_at_once_agree_on_one_development_key(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "keys"
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: keys.load([], folder)[0].kid, range(64)))
    assert len(set(found)) == 1
    assert [path.name for path in folder.iterdir()] == [keys.TOKENS.development_key]
    assert stat.S_IMODE((folder / keys.TOKENS.development_key).stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_used_is_told_by_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigurationError, match="SECURITY__KEY_DIR"):
        keys.load([], tmp_path / "file" / "keys")


def test_a_spoilt_development_key_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / keys.TOKENS.development_key).write_text("half a k")
    with pytest.raises(ConfigurationError, match="delete the file"):
        keys.load([], tmp_path)


def test_the_thumbprint_of_a_key_in_an_export_is_computed_and_not_believed() -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "of somebody else"}
    assert keys.public_key(jwk)[0] == RFC_THUMBPRINT


@pytest.mark.parametrize(
    "jwk",
    [{}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "OKP", "x": ""}, {"kty": "OKP", "x": "A"}, {"kty": "OKP", "x": "é"}],
    ids=["empty", "of another kind", "without a value", "damaged", "not in ASCII"],
)
def test_what_is_no_public_key_is_a_sentence(jwk: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="must be a public Ed25519 key"):
        keys.public_key(jwk)
