"""Verify and export the audit trail for operators, and verify exports elsewhere."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api_base.application.audit.dtos import Checked
from api_base.bootstrap.audit import signing_keys, trusted_keys
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build
from api_base.core.config import Settings
from api_base.infrastructure.audit.chain import START, HeadSigner, HeadVerifier, SignedHead
from api_base.infrastructure.audit.export import ExportFile, lines
from api_base.infrastructure.audit.trail import Trail, trail
from api_base.infrastructure.audit.verification import Finding, Verification
from api_base.infrastructure.audit.verifier import TrailVerifier
from api_base.infrastructure.auth import keys
from api_base.infrastructure.system import SystemClock


@asynccontextmanager
async def _opened(settings: Settings, contexts: Sequence[Context], tenant: UUID | None) -> AsyncIterator[Trail]:
    database = build(settings, contexts).container.worker_database
    await database.open()
    try:
        async with trail(database.pool, tenant) as opened:
            yield opened
    finally:
        await database.close()


async def verify_database(
    settings: Settings, contexts: Sequence[Context], tenant: UUID | None, checkpoints: Path, checked: Checked
) -> AsyncIterator[Finding]:
    """Yield the findings in the trail of `tenant`, or of all tenants. Raises `Unavailable` if the database cannot be reached."""
    database, clock = build(settings, contexts).container.worker_database, SystemClock()
    await database.open()
    try:
        async for finding in TrailVerifier(lambda: database.pool, lambda: trusted_keys(settings), checkpoints, clock).findings(
            tenant, checked
        ):
            yield finding
    finally:
        await database.close()


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


async def export(settings: Settings, contexts: Sequence[Context], tenant: UUID | None, since: datetime | None) -> AsyncIterator[bytes]:
    """Yield the lines of an export of everything sealed since `since`. Raises `Unavailable` if the database cannot be reached."""
    own, clock = signing_keys(settings), SystemClock()
    signer = HeadSigner(own[0])
    async with _opened(settings, contexts, tenant) as opened:
        after = await opened.before(since)
        anchors = {head.chain: head for head in await opened.checkpoints()}
        if after != START:
            for head in await opened.heads(clock, signer, after):
                anchors[head.chain] = _checkpoint_or_head(anchors.get(head.chain), head, signer)
        heads = await opened.heads(clock, signer)
        async for line in lines([key.public_jwk() for key in own], anchors.values(), heads, opened.batches(after)):
            yield line


def _checkpoint_or_head(checkpoint: SignedHead | None, head: SignedHead, signer: HeadSigner) -> SignedHead:
    """Return `head` as the start of an export; records may be missing before the time in the checkpoint."""
    if checkpoint is None:
        return head
    return signer.signed(msgspec.structs.replace(head, expired_before=checkpoint.expired_before))
