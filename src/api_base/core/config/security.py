"""Tokens and passwords, registration, rate limits, the audit trail."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from api_base.core.config.values import Prefix, PrivateKey, Section, ServiceUrl

Link = Literal[
    "DATABASE__URL",
    "DATABASE__OWNER_URL",
    "DATABASE__WORKER_URL",
    "DATABASE__DIRECT_URL",
    "CACHE__URL",
    "RATE_LIMIT__URL",
    "EVENTS__URL",
    "JOBS__URL",
    "LOCKS__URL",
    "REALTIME__URL",
    "REMOTE__URL",
    "SCANNER__URL",
    "STORAGE__URL",
    "SEARCH__URL",
    "OBSERVABILITY__OTLP_ENDPOINT",
    "MAIL__LINKS",
]
"""The variables whose URL production requires to be encrypted."""


class SecuritySettings(Section):
    """Variables `SECURITY__…`."""

    signing_keys: tuple[PrivateKey, ...] = ()
    """Ed25519 private keys (PKCS#8 PEM). The first key signs, all keys verify. To rotate: append the new key, restart, move it to the
    front, restart, and remove the old key once its tokens have expired. Development makes a key in `SECURITY__KEY_DIR`."""
    key_dir: Path = Path(".api-base/keys")
    """Directory of the signing keys that development makes."""
    issuer: str = Field("api-base", min_length=1)
    """`iss` of the access tokens."""
    audience: str = Field("api-base", min_length=1)
    """`aud` of the access tokens."""
    access_token_seconds: int = Field(600, ge=60, le=3600)
    """Lifetime of an access token, in seconds."""
    refresh_token_seconds: int = Field(2_592_000, ge=3600)
    """Lifetime of a session without a refresh, in seconds."""
    session_seconds: int = Field(7_776_000, ge=3600)
    """Lifetime of a session in any case, in seconds."""
    refresh_grace_seconds: int = Field(30, ge=0, le=300)
    """Seconds during which a used refresh token still returns the same successor, for a client that lost the answer."""
    password_min_length: int = Field(12, ge=8, le=128)
    """Minimum length of a password, in characters."""
    password_min_score: int = Field(3, ge=0, le=4)
    """Minimum zxcvbn score of a password."""
    breached_passwords: Path | None = None
    """File of SHA-1 hashes of breached passwords, sorted, one per line."""
    allow_unencrypted: tuple[Link, ...] = ()
    """Variables, such as `DATABASE__URL`, whose URL may lead to another host without TLS in production. `api-base doctor` repeats them."""
    hash_concurrency: int = Field(2, ge=1, le=64)
    """Passwords that a process hashes concurrently."""
    failed_logins: int = Field(10, ge=3, le=100)
    """Wrong passwords in a row, from a known device or from all other devices of an account together, after which the next attempt has to
    wait."""
    password_delay_seconds: int = Field(60, ge=1, le=3600)
    """Longest wait between two such attempts, in seconds."""


class AuthSettings(Section):
    """Variables `AUTH__…`."""

    registration: Literal["auto", "open", "verified", "invited"] = "auto"
    """`open`: an account exists immediately, and a second registration of an address is refused. `verified`: by a link that is mailed.
    `invited`: by invitation only. `auto`: `verified` in production, otherwise `open`."""
    schemes: tuple[Literal["token", "cookie", "basic"], ...] = ()
    """How requests may say who sends them, in addition to `Authorization: Bearer`: `token`, the same access token as `Authorization: Token`; `cookie`, a
    session in cookies for pages of a browser; `basic`, e-mail address and password in each request, for tools (docs/authentication.md)."""


class RateLimitSettings(Section):
    """Variables `RATE_LIMIT__…`."""

    url: ServiceUrl = SecretStr("memory://")
    """Where requests are counted: `memory://`, in memory that the server processes of one `api-base serve` share, or Redis or Valkey at
    `redis://user:password@host:port/0`, `rediss://…` for TLS. `?ca=/path/ca.pem` replaces the system's certificate authorities; write
    / ? # @ : in user and password as %2F %3F %23 %40 %3A."""
    prefix: Prefix = "api-base"
    """Prefix of the application's keys in Redis. No two applications may share one."""
    timeout_seconds: float = Field(0.025, gt=0, le=1)
    """Seconds that a decision waits for Redis at most. A request needs one, or two if its route has limits of the caller."""
    local_share: float = Field(0.25, gt=0, le=1)
    """Part of each limit that a machine (a process, if it has no `RATE_LIMIT__TABLE`) allows by itself while Redis cannot be used: 1 divided
    by the number of machines keeps the limit as a whole."""
    table: Path | None = None
    """File that this memory is mapped from. Default: `api-base serve` makes one for several server processes."""
    requests: int = Field(1200, ge=1)
    """Requests per address and minute."""
    burst: int = Field(200, ge=1)
    """Requests that an address may send in a burst."""
    login_requests: int = Field(20, ge=1)
    """Logins, registrations and refreshes per address and minute."""
    login_burst: int = Field(10, ge=1)
    """Logins, registrations and refreshes that an address may send in a burst."""
    failed_tokens: int = Field(30, ge=1)
    """Requests with a bad token per address and minute."""


class AuditSettings(Section):
    """Variables `AUDIT__…`. Only the worker needs the keys: a server without keys cannot sign a forged record."""

    signing_keys: tuple[PrivateKey, ...] = ()
    """Ed25519 private keys (PKCS#8 PEM) of the worker. The first key signs the trail, all keys verify it: keep an old key as long as the
    records that it signed. Development makes a key in `SECURITY__KEY_DIR`."""
    checkpoints: Path = Path(".api-base/audit")
    """Directory where the worker writes the signed heads of the trail. Choose one that nobody with write access to the database can change."""
    checkpoint_seconds: float = Field(600.0, ge=1, le=86_400)
    """Seconds between two signed heads of a chain that has grown."""
    keep_days: int = Field(400, ge=31)
    """Days after which a month of the trail is deleted."""
