"""Ed25519 signing keys [RFC 8032] and the key set that verifies their signatures [RFC 7517, RFC 8037].

The first key signs, all keys verify. To rotate without ending sessions: append the new key, restart every process, move the key to the
front, restart again, and remove the old key once its last token has expired.
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from api_base.core.errors import ConfigurationError
from api_base.core.shared import base64url


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """The purpose of keys: the setting that holds them, and the file of the development key."""

    variable: str
    development_key: str


TOKENS: Final = Purpose(variable="SECURITY__SIGNING_KEYS", development_key="signing-key.pem")
AUDIT: Final = Purpose(variable="AUDIT__SIGNING_KEYS", development_key="audit-key.pem")

_MAKE_ONE: Final = "create one with: openssl genpkey -algorithm ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """`kid` is the public key's thumbprint [RFC 7638]."""

    kid: str
    private: Ed25519PrivateKey = field(repr=False)
    public: Ed25519PublicKey = field(repr=False)

    @classmethod
    def from_pem(cls, pem: str, source: str) -> "SigningKey":
        """Parse PKCS#8 without a passphrase. Raises `ConfigurationError` that names `source` and never shows the key."""
        try:
            private = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)  # `.env` files write line breaks as \\n
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ConfigurationError(f"{source}: must be a private key in PEM (PKCS#8, without passphrase); {_MAKE_ONE}") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise ConfigurationError(f"{source}: must be an Ed25519 key; {_MAKE_ONE}")
        public = private.public_key()
        return cls(kid=_thumbprint(public), private=private, public=public)

    def public_jwk(self) -> Mapping[str, str]:
        """The public key as a JSON Web Key."""
        return {"kty": "OKP", "crv": "Ed25519", "x": _x(self.public), "kid": self.kid, "use": "sig", "alg": "EdDSA"}


def load(pems: Sequence[str], key_dir: Path, purpose: Purpose = TOKENS) -> tuple[SigningKey, ...]:
    """The configured keys, in order; without any, the development key in `key_dir`, which is created on first use.

    Raises `ConfigurationError` for text that is not an Ed25519 key, for a repeated key, and for a folder that cannot be used.
    """
    if not pems:
        return (_development_key(key_dir / purpose.development_key),)
    keys = tuple(SigningKey.from_pem(pem, f"{purpose.variable}[{number}]") for number, pem in enumerate(pems))
    if len({key.kid for key in keys}) != len(keys):
        raise ConfigurationError(f"{purpose.variable}: must not contain the same key twice")
    return keys


def public_key(jwk: Mapping[str, str]) -> tuple[str, Ed25519PublicKey]:
    """The thumbprint and the key of a public JSON Web Key. Ignores the `kid` that it names. Raises `ConfigurationError` for anything else."""
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "="))
    except (KeyError, ValueError):
        raise ConfigurationError("The key must be a public Ed25519 key as a JSON Web Key.") from None
    return _thumbprint(public), public


def _development_key(path: Path) -> SigningKey:
    try:
        if not path.exists():
            _create(path)
        pem = path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"SECURITY__KEY_DIR: {path} cannot be used ({error}); name a writable folder") from None
    return SigningKey.from_pem(pem, f"{path} (delete the file, and a new key is created)")


def _create(path: Path) -> None:
    """Write a temporary file and link it into place. The link fails if another process was faster, so that all read the same key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()


def _thumbprint(public: Ed25519PublicKey) -> str:
    required = {"crv": "Ed25519", "kty": "OKP", "x": _x(public)}
    text = json.dumps(required, sort_keys=True, separators=(",", ":"))
    return base64url.encode(hashlib.sha256(text.encode()).digest())


def _x(public: Ed25519PublicKey) -> str:
    return base64url.encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
