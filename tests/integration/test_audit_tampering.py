"""What somebody does to the trail who may do anything in the database is found, and named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.application.audit.dtos import Checked
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.audit.chain import BEGINNING, START, HeadSigner, Record, Seal, by_chain
from api_base.infrastructure.audit.checkpoints import CheckpointDirectory, Checkpoints
from api_base.infrastructure.audit.export import lines
from api_base.infrastructure.audit.sealer import RECORD_COLUMNS
from api_base.infrastructure.audit.tables import AUDIT
from api_base.infrastructure.audit.trail import trail
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.system import SystemClock
from api_base.operations.audit_trail import verify_file
from tests.audit import ONE, TWO, Audited, audited
from tests.factories.keys import signing_key

VALUES = {
    "tenant_id": f"'{TWO}'",
    "at": "at + interval '1 microsecond'",
    "id": "'00000000-0000-0000-0000-0000000000aa'",
    "transaction_id": "(transaction_id::text::bigint + 1)::text::xid8",
    "sequence": "sequence - 1",
    "before": "null",
    "after": """'{"name": "Table"}'""",
} | dict.fromkeys(("actor_id", "entity_id"), "gen_random_uuid()")


@pytest.mark.parametrize("column", [column.name for column in AUDIT.columns])
async def test_an_edit_of_any_column_is_found(migrated: Urls, admin_of_migrated: str, column: str) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        id = (await made.fill(30))[14]
        value = VALUES.get(column, "'x'")
        await made.admin.execute(f"update audit set {column} = {value} where id = $1", id)
        findings = await made.findings()
        kinds = {"id": {"removed", "inserted"}, "transaction_id": {"edited", "reordered"}, "sequence": {"edited"}}.get(column, {"edited"})
        assert {finding.kind for finding in findings} <= kinds
        assert any(finding.what == f"record {id}" and finding.chain == ONE for finding in findings)


async def test_a_record_that_is_gone_or_added_or_moved_is_named(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        ids = await made.fill(40)
        gone, moved = ids[4], ids[6]
        await made.admin.execute("delete from audit where id = $1", gone)
        await made.admin.execute(
            "update audit set transaction_id = (select transaction_id from audit where id = $2) where id = $1", moved, ids[30]
        )
        added = uuid4()
        copied = ", ".join(f"'{added}'" if column.name == "id" else column.name for column in AUDIT.columns)
        await made.admin.execute(f"insert into audit select {copied} from audit where id = $1", ids[9])
        found = {(finding.kind, finding.what) for finding in await made.findings()}
        assert found == {("removed", f"record {gone}"), ("inserted", f"record {added}"), ("reordered", f"record {moved}")}


async def test_records_that_changed_places_are_named(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        one, _, other = (await made.fill(10))[:3]
        place = "select transaction_id, sequence from audit where id = $1"
        here, there = await made.admin.fetchrow(place, one), await made.admin.fetchrow(place, other)
        for id, (transaction, sequence) in ((one, there), (other, here)):
            await made.admin.execute("update audit set transaction_id = $2, sequence = $3 where id = $1", id, transaction, sequence)
        found = {(finding.kind, finding.what) for finding in await made.findings()}
        assert {("reordered", f"record {one}"), ("reordered", f"record {other}")} <= found


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("update audit_seals set digests = (select array_agg(sha256(d)) from unnest(digests) d) where number = 2", {"edited"}),
        ("update audit_seals set at = at - interval '1 day' where number = 2", {"edited"}),
        ("update audit_seals set previous = sha256(previous) where number = 2", {"edited", "rewritten"}),
        ("update audit_seals set hash = sha256(hash) where number = 2", {"edited", "rewritten"}),
        ("delete from audit_seals where number = 2", {"removed", "inserted"}),
        ("update audit_seals set number = 10 - number", {"edited", "removed", "reordered"}),
    ],
)
async def test_tampered_seals_are_found(migrated: Urls, admin_of_migrated: str, tampering: str, found: set[str]) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        await made.fill(40)
        await made.admin.execute(tampering)
        assert {finding.kind for finding in await made.findings()} == found


async def test_what_was_cut_off_or_rewritten_whole_shows_beside_heads_kept_elsewhere(
    migrated: Urls, admin_of_migrated: str, tmp_path: Path
) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        ids = await made.fill(20)
        directory = CheckpointDirectory(tmp_path / "heads")
        checkpoints = Checkpoints(made.worker.pool, SystemClock(), made.signer, directory)
        await checkpoints.run()
        await made.fill(20)
        await checkpoints.run()
        await checkpoints.run()  # nothing has grown
        assert len(list(directory.read())) == 4
        assert await made.findings(directory.read()) == []
        await made.admin.execute("create table cut as select unnest(ids) as id from audit_seals where number = 4")
        await made.admin.execute("delete from audit_seals where number = 4; delete from audit where id in (select id from cut)")
        assert await made.findings() == []
        cut = await made.findings(directory.read())
        assert {(finding.kind, finding.what, finding.chain) for finding in cut} == {
            ("cut off", "seals 4 to 4", chain) for chain in (ONE, TWO)
        }

        await made.admin.execute("update audit set after = null where id = $1", ids[0])
        await rewrite(made)
        assert await made.findings() == []
        await made.fill(20)
        await checkpoints.run()  # who signs now signs what was rewritten: the heads before do not agree
        rewritten = {(finding.kind, finding.what) for finding in await made.findings(directory.read()) if finding.chain == ONE}
        assert ("rewritten", "seal 2") in rewritten


async def rewrite(made: Audited) -> None:
    """Seal everything anew, as it is now, as if it had always been so."""
    old = await made.admin.fetch("select distinct transaction_id, sequence from audit_seals order by 1, 2")
    records = [
        Record(*row) for row in await made.admin.fetch(f"select {RECORD_COLUMNS} from audit order by audit.transaction_id, sequence")
    ]
    await made.admin.execute("truncate audit_seals")
    ends: dict[UUID, tuple[int, bytes]] = {}
    after = START
    for transaction_id, sequence in old:
        position = type(after)(transaction_id, sequence)
        for chain, mine in by_chain(record for record in records if after < record.position <= position).items():
            number, previous = ends.get(chain, (0, BEGINNING))
            seal = Seal.of(mine, number=number + 1, previous=previous, position=position, at=SystemClock().now())
            ends[chain] = (seal.number, seal.hash)
            names = Seal.__struct_fields__
            places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
            await made.admin.execute(
                f"insert into audit_seals ({', '.join(names)}) values ({places})", *(getattr(seal, name) for name in names)
            )
        after = position


async def test_a_head_of_another_key_is_not_believed(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        await made.fill(10)
        head = HeadSigner(signing_key()).signed((await made.heads())[0])
        assert [finding.kind for finding in await made.findings([head])] == ["unsigned"]


async def exported(made: Audited, tenant: UUID | None = None) -> list[bytes]:
    async with trail(made.worker.pool, tenant) as opened:
        heads = await opened.heads(SystemClock(), made.signer)
        return [line + b"\n" async for line in lines([made.key.public_jwk()], await opened.checkpoints(), heads, opened.batches())]


def saved(path: Path, written: list[bytes]) -> Path:
    path.write_bytes(b"".join(written))
    return path


def verified(path: Path, *trusted: str) -> set[str]:
    return {finding.kind for finding in verify_file(path, trusted, Checked())}


async def test_an_export_verifies_elsewhere_and_a_tampered_one_does_not(migrated: Urls, admin_of_migrated: str, tmp_path: Path) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        await made.fill(30)
        written, key = await exported(made), made.key.kid
        one = saved(tmp_path / "one.jsonl", await exported(made, ONE))
    file, content = saved(tmp_path / "trail.jsonl", written), [json.loads(line) for line in written]
    checked = Checked()
    assert list(verify_file(file, [key], checked)) == []
    assert (checked.records, checked.chains) == (30, 2)
    assert verified(one, key) == set()
    assert verified(file, signing_key().kid) == {"unsigned"}
    records = [number for number, line in enumerate(content) if "record" in line]

    def kinds(change: Callable[[list[dict[str, Any]]], object]) -> set[str]:
        copy = json.loads(json.dumps(content))
        change(copy)
        return verified(saved(tmp_path / "tampered.jsonl", [json.dumps(line).encode() + b"\n" for line in copy]), key)

    assert kinds(lambda copy: None) == set(), "another way of writing the same JSON changes nothing"
    assert kinds(lambda copy: copy[records[3]]["record"].update(action="x")) == {"edited"}
    assert kinds(lambda copy: copy.pop(records[3])) == {"removed"}
    assert kinds(lambda copy: copy.insert(records[3], {"record": copy[records[3]]["record"] | {"id": str(uuid4())}})) == {"inserted"}
    assert kinds(lambda copy: copy.insert(records[3], copy.pop(records[5]))) == {"reordered"}
    assert kinds(lambda copy: copy.__delitem__(slice(-20, None))) >= {"cut off"}
    assert kinds(lambda copy: copy[1]["head"].update(number=99)) == {"unsigned"}
    with pytest.raises(ConfigurationError, match="line 1"):
        verified(saved(tmp_path / "rubbish.jsonl", [b"rubbish\n"]), key)


async def test_a_checkpoint_needs_a_signature(migrated: Urls, admin_of_migrated: str) -> None:
    """Who drops the beginning of the trail cannot say that it had expired."""
    async with audited(migrated, admin_of_migrated) as made:
        await made.fill(20)
        await made.admin.execute(
            "insert into audit_checkpoints select chain, now(), number, hash, transaction_id, sequence, at, $1, 'forged'::bytea from audit_seals where number = 1",
            made.key.kid,
        )
        await made.admin.execute(
            "delete from audit where id in (select unnest(ids) from audit_seals where number = 1); delete from audit_seals where number = 1"
        )
        assert {"unsigned", "removed"} <= {finding.kind for finding in await made.findings()}
