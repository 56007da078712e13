"""Test the counter on the data of the run: inject each fault into the data, count, and roll back."""

from collections.abc import AsyncIterator
from typing import Final

import asyncpg

from api_base.infrastructure.db.connecting import Connection
from chaos.counting import violations
from chaos.found import found
from chaos.journal import Journal, Violation
from chaos.subscribers import SUBSCRIPTIONS

_FIRST: Final = "(select id from items order by id limit 1)"
_TWO_EFFECTS: Final = """
select array_agg(id order by position) ids, array_agg(position order by position) positions from chaos_effects
where subscription = 'chaos.changed' group by aggregate_id having count(*) >= 2 limit 1
"""

FAULTS: Final = {
    "a lost item": ("lost", f"delete from items where id = {_FIRST}"),
    "a lost change": ("lost", f"update items set version = version - 1 where id = {_FIRST}"),
    "a doubled creation": (
        "doubled",
        "insert into items (tenant_id, id, sku, name, description, category, tags, attributes, status, version, created_at, updated_at) "
        "select tenant_id, gen_random_uuid(), 'again', name, description, category, tags, attributes, status, 1, created_at, updated_at from items limit 1",
    ),
    "a doubled change": ("doubled", f"update items set version = version + 1 where id = {_FIRST}"),
    "another state": ("wrong state", f"update items set name = 'another' where id = {_FIRST}"),
    "a dropped audit record": ("state without audit", f"delete from audit where entity = 'item' and entity_id = {_FIRST}"),
    "an invented audit record": (
        "audit without state",
        "insert into audit (tenant_id, at, id, request_id, trace_id, address, action, entity, entity_id, after) "
        "select tenant_id, at, gen_random_uuid(), '', '', '', action, entity, gen_random_uuid(), after from audit where entity = 'item' limit 1",
    ),
    "a doubled audit record": (
        "audit doubled",
        "insert into audit (tenant_id, at, id, request_id, trace_id, address, action, entity, entity_id, after) "
        "select tenant_id, at, gen_random_uuid(), '', '', '', action, entity, entity_id, after from audit where entity = 'item' limit 1",
    ),
    "a dropped event": ("state without event", f"delete from outbox where aggregate_id = {_FIRST}"),
    "an invented event": (
        "event without state",
        "insert into outbox (at, id, tenant_id, shard, name, aggregate_id, aggregate_version, request_id, traceparent, payload) "
        "select at, gen_random_uuid(), tenant_id, shard, name, gen_random_uuid(), 1, '', '', payload from outbox where name like 'items.%' limit 1",
    ),
    "an event that was not published": ("stuck", f"update outbox set published = false where aggregate_id = {_FIRST}"),
    "a dropped effect": (
        "effect missing",
        "delete from chaos_effects where id = (select id from chaos_effects where subscription = 'chaos.changed' limit 1)",
    ),
    "a doubled effect": (
        "effect doubled",
        "insert into chaos_effects (tenant_id, id, subscription, event_id, aggregate_id, version) "
        "select tenant_id, gen_random_uuid(), subscription, event_id, aggregate_id, 1 from chaos_effects where subscription = 'chaos.changed' limit 1",
    ),
    "two effects in the wrong order": (
        "effect out of order",
        f"with two as ({_TWO_EFFECTS}) update chaos_effects e set position = case e.id when two.ids[1] then two.positions[2] else two.positions[1] end "
        "from two where e.id in (two.ids[1], two.ids[2])",
    ),
    "a dropped job": ("job missing", "delete from jobs where id = (select id from jobs where name = 'chaos.note' limit 1)"),
    "a job that never ended": (
        "job not done",
        "update jobs set state = 'dead', result = null, expires_at = null, error = 'made up' where id = (select id from jobs where name = 'chaos.note' limit 1)",
    ),
    "a dropped effect of a job": (
        "job without effect",
        "delete from chaos_effects where id = (select id from chaos_effects where subscription = 'chaos.note' limit 1)",
    ),
    "a doubled effect of a job": (
        "effect without job",
        "insert into chaos_effects (tenant_id, id, subscription, event_id, aggregate_id, version) "
        "select tenant_id, gen_random_uuid(), subscription, event_id, aggregate_id, 1 from chaos_effects where subscription = 'chaos.note' limit 1",
    ),
    "a dropped row of the inbox": (
        "effect without inbox",
        "delete from inbox where ctid = (select ctid from inbox where subscription like 'chaos.%' limit 1)",
    ),
}
"""The faults: the kind of violation that the counter must report, and the SQL that injects the fault."""


async def unproven(connection: Connection, journal: Journal) -> AsyncIterator[Violation]:
    """A violation for each fault that cannot be injected, or that the counter does not report as its kind."""
    for name, (kind, sql) in FAULTS.items():
        transaction = connection.transaction()
        await transaction.start()
        try:
            made = not (await connection.execute(sql)).endswith(" 0")
            kinds = {violation.kind for violation in violations(journal, await found(connection, SUBSCRIPTIONS), SUBSCRIPTIONS)}
        except asyncpg.PostgresError as error:
            yield Violation(kind="counter", what=f"{name} cannot be injected: {error}")
            continue
        finally:
            await transaction.rollback()
        if not made:
            yield Violation(kind="counter", what=f"there is no row to inject {name} into: the run was too short")
        elif kind not in kinds:
            yield Violation(kind="counter", what=f"{name} was not reported as {kind!r}, but as {sorted(kinds)}")
