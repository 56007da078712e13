"""The audit trail: retention, signing keys, and the directory of the signed heads."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from api_base.core.config.values import PrivateKey


class AuditSettings(BaseModel):
    """Variables `AUDIT__…`. Only the worker needs the keys: a server without keys cannot sign a forged record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signing_keys: tuple[PrivateKey, ...] = Field(
        (),
        description="Ed25519 private keys (PKCS#8 PEM) of the worker. The first key signs the trail, all keys verify it: keep an old key as long "
        "as the records that it signed. Development makes a key in `SECURITY__KEY_DIR`.",
    )
    checkpoints: Path = Field(
        Path(".api-base/audit"),
        description="Directory where the worker writes the signed heads of the trail. Choose one that nobody with write access to the database "
        "can change.",
    )
    checkpoint_seconds: float = Field(600.0, ge=1, le=86_400, description="Seconds between two signed heads of a chain that has grown.")
    keep_days: int = Field(400, ge=31, description="Days after which a month of the trail is deleted.")
