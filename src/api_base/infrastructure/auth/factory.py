"""Tokens and passwords, built from the settings."""

from collections.abc import Sequence
from pathlib import Path

from api_base.core.config import Settings
from api_base.core.protocols import Clock, McpTokenIssuer, PasswordHasher, PasswordPolicy, RateLimiter, TokenIssuer, TokenVerifier
from api_base.infrastructure.auth import keys, link_tokens
from api_base.infrastructure.auth.jwt import Ed25519TokenIssuer, Ed25519TokenVerifier
from api_base.infrastructure.auth.password_attempts import PasswordAttempts
from api_base.infrastructure.auth.password_hasher import Argon2PasswordHasher
from api_base.infrastructure.auth.password_policy import BreachedPasswordFile, NoBreachedPasswords, ZxcvbnPasswordPolicy


def signing_keys(settings: Settings) -> Sequence[keys.SigningKey]:
    """The keys of the access tokens; the first signs. Raises `ConfigurationError` for keys that cannot be used."""
    security = settings.security
    return keys.load([key.get_secret_value() for key in security.signing_keys], Path(security.key_dir))


def partition_secret(signing: Sequence[keys.SigningKey]) -> bytes:
    """Return the key of the hashes that name a partition of a rate limit in its header."""
    return link_tokens.derived(signing[0], b"api_base rate limit partitions v1")


def storage_keys(signing: Sequence[keys.SigningKey]) -> Sequence[bytes]:
    """Return the secrets of the URLs that grant access to a file: the first one signs, all of them verify."""
    return [link_tokens.derived(key, b"api_base storage urls v1") for key in signing]


def token_issuer(settings: Settings, signing: Sequence[keys.SigningKey], clock: Clock) -> TokenIssuer:
    security = settings.security
    return Ed25519TokenIssuer(signing, clock, issuer=security.issuer, audience=security.audience, seconds=security.access_token_seconds)


def token_verifier(settings: Settings, signing: Sequence[keys.SigningKey], clock: Clock) -> TokenVerifier:
    return Ed25519TokenVerifier(signing, clock, issuer=settings.security.issuer, audience=settings.security.audience)


def mcp_token_issuer(settings: Settings, signing: Sequence[keys.SigningKey], clock: Clock) -> McpTokenIssuer:
    return Ed25519TokenIssuer(signing, clock, issuer=settings.security.issuer, audience=settings.mcp_url, seconds=0)


def mcp_token_verifier(settings: Settings, signing: Sequence[keys.SigningKey], clock: Clock) -> TokenVerifier:
    scopes = frozenset({"read", "write"})
    return Ed25519TokenVerifier(signing, clock, issuer=settings.security.issuer, audience=settings.mcp_url, scopes=scopes)


def password_hasher(settings: Settings, limiter: RateLimiter) -> PasswordHasher:
    security = settings.security
    attempts = PasswordAttempts(limiter, security.failed_logins, security.password_delay_seconds)
    return Argon2PasswordHasher(security.hash_concurrency, attempts)


def password_policy(settings: Settings) -> PasswordPolicy:
    security = settings.security
    breached = NoBreachedPasswords() if security.breached_passwords is None else BreachedPasswordFile(security.breached_passwords)
    return ZxcvbnPasswordPolicy(breached, min_length=security.password_min_length, min_score=security.password_min_score)
