"""Tokens, passwords, limits."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from api_base.core.config.values import PrivateKey


class SecuritySettings(BaseModel):
    """Variables `SECURITY__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signing_keys: tuple[PrivateKey, ...] = Field(
        (),
        description="Ed25519 private keys (PKCS#8 PEM). The first key signs, all keys verify. To rotate: append the new key, restart, move it to the "
        "front, restart, and remove the old key once its tokens have expired. Development makes a key in `SECURITY__KEY_DIR`.",
    )
    key_dir: Path = Field(Path(".api-base/keys"), description="Directory of the signing keys that development makes.")
    issuer: str = Field("api-base", min_length=1, description="`iss` of the access tokens.")
    audience: str = Field("api-base", min_length=1, description="`aud` of the access tokens.")
    access_token_seconds: int = Field(600, ge=60, le=3600, description="Lifetime of an access token, in seconds.")
    refresh_token_seconds: int = Field(2_592_000, ge=3600, description="Lifetime of a session without a refresh, in seconds.")
    refresh_grace_seconds: int = Field(
        30,
        ge=0,
        le=300,
        description="Seconds during which a used refresh token still returns the same successor, for a client that lost the answer.",
    )
    password_min_length: int = Field(12, ge=8, le=128, description="Minimum length of a password, in characters.")
    password_min_score: int = Field(3, ge=0, le=4, description="Minimum zxcvbn score of a password.")
    breached_passwords: Path | None = Field(None, description="File of SHA-1 hashes of breached passwords, sorted, one per line.")
    hash_concurrency: int = Field(2, ge=1, le=64, description="Passwords that a process hashes concurrently.")
    failed_logins: int = Field(10, ge=3, le=100, description="Consecutive failed logins that lock an account.")
    lockout_seconds: int = Field(300, ge=10, le=86_400, description="Seconds that an account stays locked.")
