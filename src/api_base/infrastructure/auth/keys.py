"""Ed25519 signing keys [RFC 8032]: those of the settings, or in development one that is made once and kept."""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`id` is the thumbprint of the public key [RFC 7638], so that no two processes disagree about it."""

    private: Ed25519PrivateKey
    id: str
    x: str

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Self:
        x = _base64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        thumbprint = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
        return cls(private, _base64url(thumbprint), x)

    def jwk(self) -> dict[str, str]:
        """The public key [RFC 8037]."""
        return {"kty": "OKP", "crv": "Ed25519", "x": self.x, "kid": self.id, "alg": "EdDSA", "use": "sig"}


def load(pems: Sequence[str], development_dir: Path) -> list[SigningKey]:
    """The keys in `pems`, or the development key. Raises `ConfigurationError`."""
    if not pems:
        return [_load(_development_pem(development_dir), str(development_dir))]
    keys = [_load(pem, f"SECURITY__SIGNING_KEYS, key {number}") for number, pem in enumerate(pems, 1)]
    if len({key.id for key in keys}) != len(keys):
        raise ConfigurationError("SECURITY__SIGNING_KEYS: the same key stands there twice")
    return keys


def _load(pem: str, where: str) -> SigningKey:
    try:
        private = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(f"{where}: is no unencrypted private key in PKCS#8 PEM") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigurationError(f"{where}: is no Ed25519 key; make one by: openssl genpkey -algorithm ed25519")
    return SigningKey.of(private)


def _development_pem(directory: Path) -> str:
    """The key that development keeps; the first of several processes makes it."""
    path = directory / "development.pem"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        if not path.exists():
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(pem)
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return path.read_text()
    except OSError as error:
        raise ConfigurationError(f"The development key {path} cannot be kept: {error.strerror}. Set SECURITY__KEY_DIR.") from None


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
