"""The worker's tasks for the audit trail: seal records, sign heads, drop expired months."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.audit.chain import HeadSigner
from api_base.infrastructure.audit.checkpoints import CheckpointDirectory, Checkpoints
from api_base.infrastructure.audit.sealer import Retention, Sealer
from api_base.infrastructure.auth import keys

if TYPE_CHECKING:
    from api_base.bootstrap.services import Services

POLL: Final = 1.0
HOURLY: Final = 3600.0


def signing_keys(settings: Settings) -> Sequence[keys.SigningKey]:
    """Return the signing keys of the trail; the first signs. Raises `ConfigurationError` in production without any."""
    pems = [pem.get_secret_value() for pem in settings.audit.signing_keys]
    if not pems and settings.environment == "production":
        raise ConfigurationError(
            "AUDIT__SIGNING_KEYS: the worker needs at least one Ed25519 key in production (openssl genpkey -algorithm ed25519)"
        )
    return keys.load(pems, Path(settings.security.key_dir), keys.AUDIT)


def trusted_keys(settings: Settings) -> Mapping[str, Ed25519PublicKey]:
    """Return the keys that verify heads of the trail, by thumbprint. Raises `ConfigurationError` as above."""
    return {key.kid: key.public for key in signing_keys(settings)}


def audit_work(services: "Services") -> Iterator[PeriodicTask]:
    """Raises `ConfigurationError` for keys that cannot be used."""
    settings, clock, pool = services.settings.audit, services.container.clock, services.container.worker_database.pool
    signer = HeadSigner(signing_keys(services.settings)[0])
    checkpoints = Checkpoints(pool, clock, signer, CheckpointDirectory(settings.checkpoints))
    leadership = services.container.leadership
    retention, sealer = Retention(pool, clock, signer, settings.keep_days, leadership), Sealer(pool, clock, leadership)
    yield PeriodicTask(name="seal the audit trail", group="sealer", interval=POLL, run=sealer.run, end=leadership.close)
    yield PeriodicTask(name="sign the audit trail", group="sealer", interval=settings.checkpoint_seconds, run=checkpoints.run)
    yield PeriodicTask(name="keep months of the audit trail", group="sealer", interval=HOURLY, run=retention.run)
