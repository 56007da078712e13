"""Verify and export the audit trail for operators, and verify exports elsewhere."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api_base.application.audit.dtos import Checked
from api_base.bootstrap.audit import signing_keys, trusted_keys
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import worker_database
from api_base.core.config import Settings
from api_base.infrastructure.audit.chain import START, HeadSigner, HeadVerifier, SignedHead
from api_base.infrastructure.audit.export import ExportFile, lines
from api_base.infrastructure.audit.trail import trail
from api_base.infrastructure.audit.verification import Finding, TrailVerifier, Verification
from api_base.infrastructure.auth import keys
from api_base.infrastructure.system import SystemClock


async def verify_database(
    settings: Settings,
    contexts: Sequence[Context],
    tenant: UUID | None,
    checkpoints: Path | None,
    checked: Checked,
    report: Callable[[Finding], None],
) -> int:
    """Report the findings in the trail of `tenant`, or of all tenants. Returns their number.

    `checkpoints` is the directory of the signed heads; None means the configured one. Raises `Unavailable` if the database cannot be reached.
    """
    directory, found = checkpoints or settings.audit.checkpoints, 0
    async with worker_database(settings, contexts) as database:
        verifier = TrailVerifier(lambda: database.pool, lambda: trusted_keys(settings), directory, SystemClock())
        async for finding in verifier.findings(tenant, checked):
            report(finding)
            found += 1
    return found


def verify_file(file: Path, trusted: Collection[str], checked: Checked) -> Iterator[Finding]:
    """Yield the findings in an export. `trusted` are thumbprints of keys. Raises `ConfigurationError` for a file that is not an export."""
    with file.open("rb") as source:
        export = ExportFile(source, str(file))
        verification = Verification(HeadVerifier(_trusted(export.keys, trusted)), export.anchors, export.heads)
        for batch in export.batches():
            yield from verification.check(batch)
        yield from verification.finish()
    checked.records, checked.chains = verification.records, verification.chains


def _trusted(jwks: Sequence[Mapping[str, str]], trusted: Collection[str]) -> dict[str, Ed25519PublicKey]:
    """Return the keys in an export that the reader trusts."""
    brought = dict(map(keys.public_key, jwks))
    return {kid: key for kid, key in brought.items() if kid in trusted}


def own_keys(settings: Settings) -> list[str]:
    """Return the thumbprints of this installation's keys."""
    return [key.kid for key in signing_keys(settings)]


async def export(
    settings: Settings, contexts: Sequence[Context], tenant: UUID | None, since: datetime | None, write: Callable[[bytes], None]
) -> None:
    """Write the lines of an export of everything sealed since `since`. Raises `Unavailable` if the database cannot be reached."""
    own, clock = signing_keys(settings), SystemClock()
    signer = HeadSigner(own[0])
    async with worker_database(settings, contexts) as database, trail(database.pool, tenant) as opened:
        after = await opened.before(since)
        anchors = {head.chain: head for head in await opened.checkpoints()}
        if after != START:
            for head in await opened.heads(clock, signer, after):
                anchors[head.chain] = _checkpoint_or_head(anchors.get(head.chain), head, signer)
        heads = await opened.heads(clock, signer)
        async for line in lines([key.public_jwk() for key in own], anchors.values(), heads, opened.batches(after)):
            write(line)


def _checkpoint_or_head(checkpoint: SignedHead | None, head: SignedHead, signer: HeadSigner) -> SignedHead:
    """Return `head` as the start of an export; records may be missing before the time in the checkpoint."""
    if checkpoint is None:
        return head
    return signer.signed(msgspec.structs.replace(head, expired_before=checkpoint.expired_before))
