"""`IdempotencyStore` on PostgreSQL. The record is written in the transaction of the change, and rolled back with it.

An advisory lock separates concurrent duplicates during the transaction [PostgreSQL manual, 13.3.5]; no request waits for it. The lock comes
before the look-up, which therefore sees what the last holder committed. With an older snapshot (serializable) the primary key decides.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api_base.core.errors import IdempotencyKeyReused, RequestInProgress, Transient
from api_base.core.protocols import Clock, IdempotencyStore, StoredResult
from api_base.core.types import NO_TENANT, KeyedRequest
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.idempotency.tables import IDEMPOTENCY_KEYS
from api_base.infrastructure.serialization.result_codec import decode_result, encode_result

RETENTION: Final = timedelta(hours=24)
FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)
"""The last moment of the calendar of Python."""

_LOCK: Final = "select pg_try_advisory_xact_lock($1)"
_OWNER: Final = """
(select set_config('app.tenant_id', $1, true)::uuid as tenant_id, set_config('app.user_id', $2, true)::uuid as user_id offset 0) t
"""
_FIND: Final = f"""
select k.fingerprint, k.result from {_OWNER} cross join lateral (
    select fingerprint, result from {IDEMPOTENCY_KEYS.name}
    where tenant_id = t.tenant_id and user_id = t.user_id and route = $3::text and key = $4::bytea and expires_at > $5::timestamptz offset 0) k
"""
_KEEP: Final = f"""
insert into {IDEMPOTENCY_KEYS.name} as kept (tenant_id, user_id, route, key, expires_at, fingerprint, result)
select tenant_id, user_id, $3::text, $4::bytea, $6::timestamptz, $7::bytea, $8::bytea from {_OWNER}
on conflict (tenant_id, user_id, route, key)
do update set expires_at = excluded.expires_at, fingerprint = excluded.fingerprint, result = excluded.result
where kept.expires_at <= $5::timestamptz
"""
"""An expired record that is not yet deleted is overwritten."""


class SqlIdempotencyStore(IdempotencyStore):
    """`database` connects as the role `app`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def lock(self, request: KeyedRequest) -> None:
        number = _number(request)
        if not await open_unit().run(lambda connection: connection.fetchval(_LOCK, number)):
            raise RequestInProgress

    async def find(self, request: KeyedRequest, answer: Any) -> StoredResult[Any] | None:
        arguments = self._scope(request)
        row = await self._database.run(lambda connection: connection.fetchrow(_FIND, *arguments))
        if row is None:
            return None
        if row["fingerprint"] != request.fingerprint:
            raise IdempotencyKeyReused
        return StoredResult(decode_result(row["result"], answer))

    async def keep[T](self, request: KeyedRequest, result: T, answer: Any) -> T:
        encoded = encode_result(result)
        again: T = decode_result(encoded, answer)
        arguments = (*self._scope(request), FOR_EVER if request.permanent else self._clock.now() + RETENTION, request.fingerprint, encoded)
        status = await open_unit().run(lambda connection: connection.execute(_KEEP, *arguments))
        if status != "INSERT 0 1":
            raise Transient("A concurrent request with the same Idempotency-Key committed first.")
        return again

    def _scope(self, request: KeyedRequest) -> tuple[Any, ...]:
        return str(request.tenant_id or NO_TENANT), str(request.user_id), request.route, request.key, self._clock.now()


def _number(request: KeyedRequest) -> int:
    """Return the scope as the key of an advisory lock, a signed 64-bit number. A collision costs one of two requests a 409."""
    text = f"{request.tenant_id} {request.user_id} {request.route} ".encode()
    return int.from_bytes(hashlib.blake2b(text + request.key, digest_size=8, person=b"idempotency").digest(), signed=True)
