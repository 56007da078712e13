"""The audit trail: how long it is kept, who signs it, where its signed heads go."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class AuditSettings(BaseModel):
    """Variables `AUDIT__…`. Only the worker needs the keys: a server that holds none cannot sign what somebody made it write."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signing_keys: tuple[SecretStr, ...] = Field(
        (),
        description="Ed25519 private keys (PKCS#8 PEM) of the worker. The first signs the trail, all verify: keep old ones as long as what they signed. "
        "Development makes one in `SECURITY__KEY_DIR`.",
    )
    checkpoints: Path = Field(
        Path(".api-base/audit"),
        description="Directory where the worker leaves signed heads of the trail. It should lie where nobody who writes the database can.",
    )
    checkpoint_seconds: float = Field(600.0, ge=1, le=86_400, description="Seconds between two signed heads of a chain that has grown.")
    keep_days: int = Field(400, ge=31, description="Days after which a month of the trail is dropped.")
