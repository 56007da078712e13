"""A request that is to be carried out once, however often it is sent [draft-ietf-httpapi-idempotency-key-header]."""

from dataclasses import dataclass

from api_base.core.types.ids import TenantId, UserId


@dataclass(slots=True, kw_only=True)
class KeyedRequest:
    """One that came with an Idempotency-Key, which counts for its tenant, user and `route`.

    `key` and `fingerprint` (what the request asks) are digests of 32 bytes: what is stored tells neither key nor body.
    `command` is the one that carries it out. `orchestrated`: another message sent that command, and answers instead of it.
    `replayed`: the answer is the one that was kept.
    """

    tenant_id: TenantId | None
    user_id: UserId
    route: str
    key: bytes
    fingerprint: bytes
    command: object | None = None
    orchestrated: bool = False
    replayed: bool = False
