"""What keeps uploads whole: leases and part numbers, the quota under a race, tickets, checks that fail, expiry, orphans."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from PIL import Image

from api_base.application.services.file_upload.append import AppendToUpload
from api_base.application.services.file_upload.begin import BeginUpload
from api_base.application.services.file_upload.complete import CheckFileHandler, CompleteUpload
from api_base.application.services.file_upload.content import OpenFileHandler
from api_base.application.services.file_upload.keys import incoming_key
from api_base.application.services.file_upload.maintenance import DeleteOrphans, Expiry, Orphans, RefusedFiles, Rescan, RescanFiles
from api_base.application.services.file_upload.outcome import CheckFile, RecordScan, RefuseFile
from api_base.application.services.file_upload.progress import AdvanceUpload, LeaseUpload, ReservePart
from api_base.application.services.file_upload.removal import ExpireUpload, RemoveRefused, TerminateUpload
from api_base.application.services.file_upload.thumbnails import SIDES, MakeThumbnails
from api_base.core.errors import NotFound, Unavailable
from api_base.core.protocols import ScannerVersion, ScanResult, ScanVerdict
from api_base.domain.files.errors import LengthMismatch, OffsetMismatch, QuotaExceeded, UploadIncomplete, UploadLocked
from api_base.domain.files.upload import LEASE, PART_BYTES
from api_base.domain.files.value_objects import FileState
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.files.inventory import SqlFileInventory
from api_base.infrastructure.files.repository import SqlFileRepository
from api_base.infrastructure.files.uploads import SqlUploads
from tests import services
from tests.application import Person, Running, running, settings_on
from tests.factories.content import Lie, lies, picture
from tests.support import act_for

pytestmark = pytest.mark.asyncio(loop_scope="module")
MIB = 1_048_576
ALL = frozenset({"files:create", "files:read", "files:delete", "files:update"})
QUOTA = {"quota_bytes": 10 * PART_BYTES, "quota_files": 10}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["local", "s3"])
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    with services.held("seaweedfs") if request.param == "s3" else nullcontext():
        on_s3 = request.param == "s3"
        url = services.address("seaweedfs", "TEST_S3_URL") if on_s3 else f"file://{tmp_path_factory.mktemp('storage')}"
        async with running(settings_on(shared_migrated, storage={"url": url}, files=QUOTA)) as opened:
            yield opened


@dataclass
class Bytes:
    """A body. It waits for `gate` before its end, and says when it does by `waiting`."""

    content: bytes
    size: int | None = None
    gate: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.waiting = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.content), 65_536):
            yield self.content[start : start + 65_536]
        if self.gate is not None:
            self.waiting.set()
            await self.gate.wait()


class Uploader:
    """A member of a tenant of its own, on the bus."""

    def __init__(self, api: Running, person: Person) -> None:
        self.api, self.person, self.bus, self.storage = api, person, api.services.bus, api.services.ports.storage
        self.act()

    def act(self) -> None:
        act_for(self.person.tenant_id, self.person.id, permissions=ALL)

    async def begin(self, length: int | None, **fields: Any) -> UUID:
        return (await self.bus.execute(BeginUpload(length=length, **fields))).id

    async def append(self, id: UUID, offset: int, content: bytes, gate: asyncio.Event | None = None) -> int:
        return (await self.bus.execute(AppendToUpload(id=id, offset=offset, content=Bytes(content, gate=gate)))).offset

    async def upload(self, content: bytes) -> UUID:
        id = await self.begin(len(content))
        await self.append(id, 0, content)
        await self.bus.execute(CompleteUpload(id=id))
        return id

    async def read(self, id: UUID) -> bytes:
        answer = await self.api.client.get(f"/api/v1/files/{id}/content", headers=self.person.headers)
        assert answer.status_code == 200, answer.text
        content: bytes = answer.content
        return content

    async def stored(self) -> list[str]:
        return [one.key async for one in self.storage.list(f"files/{self.person.tenant_id}/")]

    async def used(self) -> tuple[int, int]:
        connection = await asyncpg.connect(self.api.services.settings.database.url_of("owner"))
        try:
            row = await connection.fetchrow("select bytes, files from file_usage where tenant_id = $1", self.person.tenant_id)
            return (row["bytes"], row["files"])
        finally:
            await connection.close()

    async def sql(self, statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(self.api.services.settings.database.url_of("owner"))
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()


@pytest_asyncio.fixture(loop_scope="module")
async def uploader(api: Running) -> Uploader:
    return Uploader(api, await api.person())


async def test_while_one_request_writes_the_other_is_refused(uploader: Uploader) -> None:
    id, gate = await uploader.begin(6), asyncio.Event()
    body = Bytes(b"abc", gate=gate)
    first = asyncio.create_task(uploader.bus.execute(AppendToUpload(id=id, offset=0, content=body)))
    await body.waiting.wait()
    with pytest.raises(UploadLocked):
        await uploader.append(id, 0, b"xyz")
    gate.set()
    assert (await first).offset == 3
    with pytest.raises(OffsetMismatch):
        await uploader.append(id, 0, b"xyz")
    assert await uploader.append(id, 3, b"def") == 6
    await uploader.bus.execute(CompleteUpload(id=id))
    assert await uploader.read(id) == b"abcdef"


async def expire_lease(uploader: Uploader, id: UUID) -> None:
    await uploader.sql("update file_uploads set leased_until = now() - interval '1 second' where id = $1", id)


async def test_a_paused_writer_changes_nothing_after_another_took_over(uploader: Uploader) -> None:
    """The first writer stands still inside its second part; meanwhile its lease expires, and another one uploads other bytes."""
    length = 2 * PART_BYTES + 10
    old, new = b"a" * (PART_BYTES + 7), b"b" * (length - PART_BYTES)
    id, gate = await uploader.begin(length), asyncio.Event()
    body = Bytes(old, gate=gate)
    paused = asyncio.create_task(uploader.bus.execute(AppendToUpload(id=id, offset=0, content=body)))
    await body.waiting.wait()
    await expire_lease(uploader, id)
    assert await uploader.append(id, PART_BYTES, new) == length
    gate.set()
    with pytest.raises(UploadLocked):
        await paused
    await uploader.bus.execute(CompleteUpload(id=id))
    await uploader.bus.execute(CheckFile(id=id))
    assert await uploader.read(id) == old[:PART_BYTES] + new


async def test_a_dead_holder_keeps_others_away_only_until_its_lease_ends(uploader: Uploader) -> None:
    id, dead = await uploader.begin(3), uuid4()
    await uploader.bus.execute(LeaseUpload(id=id, token=dead, offset=0, length=None))
    with pytest.raises(UploadLocked):
        await uploader.append(id, 0, b"abc")
    await expire_lease(uploader, id)
    assert await uploader.append(id, 0, b"abc") == 3
    with pytest.raises(UploadLocked):
        await uploader.bus.execute(AdvanceUpload(id=id, token=dead, tail_key="stolen", tail_size=3))
    assert timedelta(minutes=1) > LEASE


async def test_no_part_number_is_reserved_twice(uploader: Uploader) -> None:
    id, numbers = await uploader.begin(3), []
    for token in [uuid4() for _ in range(5)]:
        await expire_lease(uploader, id)
        await uploader.bus.execute(LeaseUpload(id=id, token=token, offset=0, length=None))
        reserved = [await uploader.bus.execute(ReservePart(id=id, token=token, storage_upload="x")) for _ in range(2)]
        numbers += [upload.next_part - 1 for upload in reserved]
    assert numbers == list(range(1, 11))


async def test_an_interrupted_request_keeps_what_arrived(uploader: Uploader) -> None:
    content = b"".join(b"%09d\n" % number for number in range(PART_BYTES // 8))

    class Broken(Bytes):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for chunk in super().__aiter__():
                yield chunk
            raise Unavailable("The client has gone.")

    id, arrived = await uploader.begin(len(content)), PART_BYTES + 1000
    with pytest.raises(Unavailable, match="The client has gone"):
        await uploader.bus.execute(AppendToUpload(id=id, offset=0, content=Broken(content[:arrived])))
    assert await uploader.append(id, arrived, content[arrived:]) == len(content)
    await uploader.bus.execute(CompleteUpload(id=id))
    await uploader.bus.execute(CheckFile(id=id))
    assert hashlib.sha256(await uploader.read(id)).digest() == hashlib.sha256(content).digest()


async def test_twenty_clients_share_a_quota_of_ten(uploader: Uploader) -> None:
    answers = await asyncio.gather(*(uploader.begin(PART_BYTES) for _ in range(20)), return_exceptions=True)
    begun = [one for one in answers if isinstance(one, UUID)]
    assert len(begun) == 10
    assert all(isinstance(one, QuotaExceeded) for one in answers if not isinstance(one, UUID))
    assert await uploader.used() == (10 * PART_BYTES, 10)


async def test_a_length_said_later_counts_against_the_quota(uploader: Uploader) -> None:
    id = await uploader.begin(None)
    with pytest.raises(QuotaExceeded):
        await uploader.bus.execute(AppendToUpload(id=id, offset=0, content=Bytes(b"a"), length=11 * PART_BYTES))
    assert await uploader.used() == (0, 1)
    await uploader.append(id, 0, b"abc")
    assert await uploader.used() == (3, 1)


async def test_the_quota_is_free_again_after_deletion_and_refusal(uploader: Uploader) -> None:
    id = await uploader.upload(b"abc")
    assert await uploader.used() == (3, 1)
    await uploader.api.client.delete(f"/api/v1/files/{id}", headers={**uploader.person.headers, "If-Match": "*"})
    assert await uploader.used() == (0, 0)
    wrong = await uploader.begin(3, sha256="0" * 64)
    await uploader.append(wrong, 0, b"abc")
    refused = await uploader.bus.execute(CompleteUpload(id=wrong))
    assert refused.state is FileState.REFUSED
    assert await uploader.used() == (0, 0)
    assert await uploader.stored() == []


async def ticket(uploader: Uploader, content: bytes) -> UUID:
    digest = hashlib.sha256(content).hexdigest()
    body = {"name": "a.txt", "content_type": "text/plain", "size": len(content), "sha256": digest}
    answer = await uploader.api.client.post("/api/v1/files/tickets", json=body, headers=uploader.person.headers)
    assert (answer.status_code, answer.json()["method"]) == (201, "PUT"), answer.text
    return UUID(answer.json()["id"])


async def put(uploader: Uploader, id: UUID, content: bytes) -> None:
    """What a ticket lets a client do, and more: any bytes."""
    await uploader.storage.put(incoming_key(uploader.person.tenant_id, id), Bytes(content), content_type="text/plain")


async def test_a_ticket_used_after_completion_changes_nothing_that_is_served(uploader: Uploader) -> None:
    id = await ticket(uploader, b"good")
    with pytest.raises(UploadIncomplete):
        await uploader.bus.execute(CompleteUpload(id=id))
    await put(uploader, id, b"good")
    done = await uploader.bus.execute(CompleteUpload(id=id))
    assert done.state is FileState.READY
    await put(uploader, id, b"evil")
    assert await uploader.read(id) == b"good"
    again = await uploader.bus.execute(CompleteUpload(id=id))
    assert (again.state, await uploader.read(id)) == (FileState.READY, b"good")


async def test_a_ticket_used_while_the_scan_runs_changes_nothing_that_is_served(uploader: Uploader) -> None:
    id = await ticket(uploader, b"good")
    await put(uploader, id, b"good")

    class Slow(Clean):
        async def scan(self, content: AsyncIterator[bytes]) -> ScanResult:
            await put(uploader, id, b"evil")
            return await super().scan(content)

    scanner = Slow()
    await uploader.bus.execute(end(id))
    await checker(uploader, scanner).handle(CheckFile(id=id))
    assert (scanner.seen, await uploader.read(id)) == ([b"good"], b"good")


async def test_bytes_other_than_the_ticket_says_are_refused(uploader: Uploader) -> None:
    id = await ticket(uploader, b"good")
    await put(uploader, id, b"evil")
    done = await uploader.bus.execute(CompleteUpload(id=id))
    assert (done.state, done.reason is not None and "SHA-256" in done.reason) == (FileState.REFUSED, True)
    assert await uploader.stored() == []


async def test_a_ticket_of_another_tenant_completes_nothing(uploader: Uploader) -> None:
    id, other = await ticket(uploader, b"good"), Uploader(uploader.api, await uploader.api.person())
    await put(uploader, id, b"good")
    with pytest.raises(NotFound):
        await other.bus.execute(CompleteUpload(id=id))
    uploader.act()
    assert (await uploader.bus.execute(CompleteUpload(id=id))).state is FileState.READY


class Clean:
    """A scanner that remembers what it was given."""

    result = ScanResult(verdict=ScanVerdict.CLEAN, version=ScannerVersion(engine="test", signatures="1"))

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    async def scan(self, content: AsyncIterator[bytes]) -> ScanResult:
        self.seen.append(b"".join([chunk async for chunk in content]))
        return self.result

    async def version(self) -> ScannerVersion:
        assert self.result.version is not None
        return self.result.version


def end(id: UUID) -> Any:
    from api_base.application.services.file_upload.outcome import EndUpload

    return EndUpload(id=id)


def checker(uploader: Uploader, scanner: Any) -> CheckFileHandler:
    ports = uploader.api.services.ports
    files, uploads = SqlFileRepository(ports.database), SqlUploads(ports.database)
    return CheckFileHandler(ports.bus, files, uploads, ports.storage, ports.content_inspector, scanner, ports.ids)


@pytest.mark.parametrize("verdict", [ScanVerdict.UNAVAILABLE, ScanVerdict.TOO_LARGE])
async def test_a_file_that_is_not_scanned_stays_pending_until_it_is(uploader: Uploader, verdict: ScanVerdict) -> None:
    id = await uploader.begin(3)
    await uploader.append(id, 0, b"abc")
    await uploader.bus.execute(end(id))

    class Away(Clean):
        result = ScanResult(verdict=verdict)

    with pytest.raises(Unavailable):
        await checker(uploader, Away()).handle(CheckFile(id=id))
    path = f"/api/v1/files/{id}"
    assert (await uploader.api.client.get(path, headers=uploader.person.headers)).json()["state"] == "pending"
    assert (await uploader.api.client.get(f"{path}/content", headers=uploader.person.headers)).status_code == 409
    checked = await checker(uploader, Clean()).handle(CheckFile(id=id))
    assert checked is not None
    assert (checked.state, await uploader.read(id)) == (FileState.READY, b"abc")


async def test_malware_is_refused_and_gone(uploader: Uploader) -> None:
    id = await uploader.begin(3)
    await uploader.append(id, 0, b"abc")
    await uploader.bus.execute(end(id))

    class Found(Clean):
        result = ScanResult(verdict=ScanVerdict.FOUND, signature="Test.Signature")

    checked = await checker(uploader, Found()).handle(CheckFile(id=id))
    assert checked is not None
    assert (checked.state, checked.reason) == (FileState.REFUSED, "The content is malware: Test.Signature.")
    assert await uploader.stored() == []


async def test_two_checks_of_one_file_publish_it_once(uploader: Uploader) -> None:
    id = await ticket(uploader, b"good")
    await put(uploader, id, b"good")
    await uploader.bus.execute(end(id))
    await asyncio.gather(*(checker(uploader, Clean()).handle(CheckFile(id=id)) for _ in range(5)))
    assert await uploader.read(id) == b"good"
    assert len(await uploader.stored()) == 1
    assert await uploader.used() == (4, 1)


async def test_an_expired_upload_goes_with_its_parts_and_its_quota(uploader: Uploader) -> None:
    id, complete = await uploader.begin(2 * PART_BYTES), await uploader.upload(b"kept")
    await uploader.append(id, 0, b"a" * (PART_BYTES + 3))
    await uploader.sql("update file_uploads set expires_at = now() - interval '1 second' where id = $1", id)
    ports = uploader.api.services.worker_ports
    await ports.worker_database.open()
    try:
        assert await Expiry(SqlFileInventory(ports.worker_database), ports.bus).run() is False
    finally:
        await ports.worker_database.close()
    uploader.act()
    answer = await uploader.api.client.head(f"/api/v1/files/uploads/{id}", headers={**uploader.person.headers, "Tus-Resumable": "1.0.0"})
    assert answer.status_code == 404
    assert await uploader.read(complete) == b"kept"
    assert (len(await uploader.stored()), await uploader.used()) == (1, (4, 1))
    assert [one async for one in uploader.storage.unfinished(f"files/{uploader.person.tenant_id}/")] == []


async def test_a_refused_file_is_removed_after_a_time(uploader: Uploader) -> None:
    """One that something is attached to stays, and keeps no other one from its removal."""
    old, new, ready = await uploader.upload(b"old"), await uploader.upload(b"new"), await uploader.upload(b"ready")
    attached = await uploader.upload(b"attached")
    item = await uploader.api.item(uploader.person)
    path = f"/api/v1/files/attachments/items/{item['id']}/picture"
    put = await uploader.api.client.put(path, json={"file_id": str(attached)}, headers=uploader.person.headers)
    assert put.status_code == 200, put.text
    uploader.act()
    for id in (old, new, attached):
        await uploader.bus.execute(RefuseFile(id=id, reason="Malware."))
    await uploader.sql("update files set updated_at = now() - interval '31 days' where id = any($1::uuid[])", [old, ready, attached])
    used, ports = await uploader.used(), uploader.api.services.worker_ports
    await ports.worker_database.open()
    try:
        inventory = SqlFileInventory(ports.worker_database)
        assert attached not in [id for _, id in await inventory.refused(timedelta(days=30), 1000)]
        assert await RefusedFiles(inventory, ports.bus, timedelta(days=30)).run() is False
    finally:
        await ports.worker_database.close()
    statuses = [
        (await uploader.api.client.get(f"/api/v1/files/{id}", headers=uploader.person.headers)).status_code
        for id in (old, new, ready, attached)
    ]
    assert statuses == [404, 200, 200, 200]
    assert await uploader.used() == used == (5, 1)
    uploader.act()
    with pytest.raises(NotFound):
        await uploader.bus.execute(RemoveRefused(id=ready))


async def test_what_a_ticket_writes_after_its_file_is_deleted_is_collected_by_the_next_run(uploader: Uploader) -> None:
    id, open_one = await ticket(uploader, b"good"), await ticket(uploader, b"more")
    await uploader.bus.execute(TerminateUpload(id=id))
    await put(uploader, id, b"good")
    await put(uploader, open_one, b"more")
    ports = uploader.api.services.worker_ports
    await ports.worker_database.open()
    try:
        inventory = SqlFileInventory(ports.worker_database)
        await Orphans(inventory, uploader.storage, ports.clock, timedelta(days=1)).handle(DeleteOrphans())
    finally:
        await ports.worker_database.close()
    assert await uploader.stored() == [incoming_key(uploader.person.tenant_id, open_one)]


async def test_orphans_are_deleted_and_nothing_else(uploader: Uploader) -> None:
    ready, pending = await uploader.upload(b"ready"), await uploader.begin(2 * PART_BYTES)
    await uploader.append(pending, 0, b"a" * (PART_BYTES + 3))
    before = sorted(await uploader.stored())
    orphan = f"files/{uploader.person.tenant_id}/objects/{uuid4()}"
    await uploader.storage.put(orphan, Bytes(b"orphan"), content_type="text/plain")
    await uploader.storage.put(f"files/{uploader.person.tenant_id}/thumbnails/{uuid4()}/64", Bytes(b"x"), content_type="image/webp")
    await uploader.storage.put(f"files/{uploader.person.tenant_id}/thumbnails/{ready}/64", Bytes(b"x"), content_type="image/webp")
    refused = await uploader.upload(b"refused")
    await uploader.bus.execute(RefuseFile(id=refused, reason="Malware."))
    await uploader.storage.put(f"files/{uploader.person.tenant_id}/thumbnails/{refused}/64", Bytes(b"x"), content_type="image/webp")
    begun = await uploader.storage.begin_parts(orphan, content_type="text/plain")
    ports = uploader.api.services.worker_ports
    await ports.worker_database.open()
    try:
        inventory = SqlFileInventory(ports.worker_database)
        await Orphans(inventory, uploader.storage, ports.clock, timedelta(days=1)).handle(DeleteOrphans())
        assert orphan in await uploader.stored()
        await Orphans(inventory, uploader.storage, ports.clock, timedelta(days=-1)).handle(DeleteOrphans())
    finally:
        await ports.worker_database.close()
    assert sorted(await uploader.stored()) == sorted([*before, f"files/{uploader.person.tenant_id}/thumbnails/{ready}/64"])
    left = [one.upload async for one in uploader.storage.unfinished(f"files/{uploader.person.tenant_id}/")]
    assert begun not in left
    assert len(left) == 1
    assert await uploader.append(pending, PART_BYTES + 3, b"a" * (PART_BYTES - 3)) == 2 * PART_BYTES


async def test_a_rescan_with_newer_signatures_refuses_what_it_finds(uploader: Uploader) -> None:
    good, bad = await uploader.upload(b"good"), await uploader.upload(b"bad")

    class Newer(Clean):
        result = ScanResult(verdict=ScanVerdict.CLEAN, version=ScannerVersion(engine="test", signatures=uuid4().hex))

        async def scan(self, content: AsyncIterator[bytes]) -> ScanResult:
            result = await super().scan(content)
            return ScanResult(verdict=ScanVerdict.FOUND, signature="New") if self.seen[-1] == b"bad" else result

    scanner, ports = Newer(), uploader.api.services.worker_ports
    await ports.worker_database.open()
    try:
        files = OpenFileHandler(SqlFileRepository(uploader.api.services.ports.database), uploader.storage)
        rescan = Rescan(SqlFileInventory(ports.worker_database), ports.bus, files, uploader.storage, scanner)
        await rescan.handle(RescanFiles())
        seen = len(scanner.seen)
        assert await rescan.run() is False
        assert len(scanner.seen) == seen
    finally:
        await ports.worker_database.close()
    uploader.act()
    shown = (await uploader.api.client.get(f"/api/v1/files/{bad}", headers=uploader.person.headers)).json()
    assert (shown["state"], shown["reason"]) == ("refused", "The content is malware: New.")
    assert await uploader.read(good) == b"good"
    assert (len(await uploader.stored()), await uploader.used()) == (1, (4, 1))


async def test_an_image_gets_thumbnails_that_go_with_it(uploader: Uploader) -> None:
    content = picture("PNG", 300, 200)
    id = await uploader.begin(len(content), content_type="image/png")
    await uploader.append(id, 0, content)
    done = await uploader.bus.execute(CompleteUpload(id=id))
    assert (done.media_type, done.width, done.height) == ("image/png", 300, 200)
    assert await uploader.bus.execute(MakeThumbnails(id=id)) == len(SIDES)
    for side in SIDES:
        answer = await uploader.api.client.get(f"/api/v1/files/{id}/thumbnails/{side}", headers=uploader.person.headers)
        assert (answer.status_code, max(Image.open(io.BytesIO(answer.content)).size)) == (200, min(side, 300))
    unknown = await uploader.api.client.get(f"/api/v1/files/{id}/thumbnails/65", headers=uploader.person.headers)
    assert unknown.status_code == 404
    await uploader.api.client.delete(f"/api/v1/files/{id}", headers={**uploader.person.headers, "If-Match": "*"})
    assert await uploader.stored() == []


@pytest.mark.parametrize("lie", lies()[::6], ids=lambda lie: lie.name)
async def test_an_upload_that_lies_is_refused_with_a_reason_and_leaves_nothing(uploader: Uploader, lie: Lie) -> None:
    headers = {**uploader.person.headers, "Content-Type": lie.declared}
    answer = await uploader.api.client.post("/api/v1/files", content=lie.content, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].startswith("The file is refused. ")
    assert await uploader.stored() == []
    assert await uploader.used() == (0, 0)


async def complete_with_a_part(uploader: Uploader) -> tuple[UUID, str, str]:
    """A complete upload of one part, its object key, and its id in the storage."""
    id = await uploader.begin(PART_BYTES + 1)
    await uploader.append(id, 0, b"a" * (PART_BYTES + 1))
    await uploader.bus.execute(end(id))
    upload = await SqlUploads(uploader.api.services.ports.database).get(id)
    assert upload is not None
    assert upload.storage_upload is not None
    return id, upload.object_key, upload.storage_upload


async def test_a_file_of_which_the_storage_lost_a_part_is_refused(uploader: Uploader) -> None:
    """The storage has a part of this number, but not the one that was written: its tag is another one."""
    id, _, _ = await complete_with_a_part(uploader)
    await uploader.sql("update file_upload_parts set etag = repeat('0', 32) where upload_id = $1", id)
    checked = await checker(uploader, Clean()).handle(CheckFile(id=id))
    assert checked is not None
    assert (checked.state, checked.reason) == (FileState.REFUSED, "The storage has lost a part of the content. Upload it again.")


async def test_a_file_whose_upload_is_not_found_is_checked_again_later(uploader: Uploader) -> None:
    """`Unavailable` is the error after which a job is tried again."""
    id, key, upload = await complete_with_a_part(uploader)
    await uploader.storage.abort_parts(key, upload)
    with pytest.raises(Unavailable, match="stays pending"):
        await checker(uploader, Clean()).handle(CheckFile(id=id))
    await uploader.storage.put(key, Bytes(b"a" * (PART_BYTES + 1)), content_type="text/plain")
    checked = await checker(uploader, Clean()).handle(CheckFile(id=id))
    assert checked is not None
    assert checked.state is FileState.READY


async def test_bytes_that_a_committed_scan_names_are_kept_if_the_check_breaks_off(uploader: Uploader) -> None:
    id = await ticket(uploader, b"good")
    await put(uploader, id, b"good")
    await uploader.bus.execute(end(id))

    class LosesTheAnswer:
        async def execute(self, message: Any) -> Any:
            answer = await uploader.bus.execute(message)
            if isinstance(message, RecordScan):
                raise asyncio.CancelledError
            return answer

    broken = checker(uploader, Clean())
    broken._bus = LosesTheAnswer()  # type: ignore[assignment]
    with pytest.raises(asyncio.CancelledError):
        await broken.handle(CheckFile(id=id))
    checked = await checker(uploader, Clean()).handle(CheckFile(id=id))
    assert checked is not None
    assert (checked.state, await uploader.read(id)) == (FileState.READY, b"good")


async def test_an_upload_that_was_published_neither_expires_nor_ends(uploader: Uploader) -> None:
    """Between the list of expired uploads and their removal a check may publish one."""
    id = await uploader.upload(b"kept")
    for message in (ExpireUpload(id=id), TerminateUpload(id=id)):
        with pytest.raises(NotFound):
            await uploader.bus.execute(message)
    assert await uploader.read(id) == b"kept"


async def test_a_ticket_for_no_bytes_is_not_complete_before_it_is_used(uploader: Uploader) -> None:
    id = await ticket(uploader, b"")
    with pytest.raises(UploadIncomplete):
        await uploader.bus.execute(CompleteUpload(id=id))
    await put(uploader, id, b"")
    assert (await uploader.bus.execute(CompleteUpload(id=id))).state is FileState.READY


async def test_a_last_request_that_is_too_short_leaves_no_short_part_in_the_middle(uploader: Uploader) -> None:
    length = 2 * PART_BYTES + 2
    id = await uploader.begin(length)
    with pytest.raises(LengthMismatch):
        await uploader.bus.execute(AppendToUpload(id=id, offset=0, content=Bytes(b"a" * (PART_BYTES + 1)), last=True))
    assert await uploader.append(id, PART_BYTES + 1, b"b" * (PART_BYTES + 1)) == length
    parts = await SqlUploads(uploader.api.services.ports.database).parts(id)
    assert [part.size for part in parts] == [PART_BYTES, PART_BYTES, 2]
    await uploader.bus.execute(CompleteUpload(id=id))
    checked = await checker(uploader, Clean()).handle(CheckFile(id=id))
    assert checked is not None
    assert checked.state is FileState.READY


async def test_files_that_cannot_be_read_do_not_keep_a_rescan_running(uploader: Uploader) -> None:
    tenant, ports = uploader.person.tenant_id, uploader.api.services.worker_ports
    await uploader.sql(
        """
        insert into files (tenant_id, id, owner_id, name, declared_type, state, object_key, size, sha256, media_type, engine, signatures,
                           version, created_at, updated_at)
        select $1, gen_random_uuid(), $1, 'lost', 'text/plain', 'ready', 'files/lost/' || n, 1, repeat('a', 64), 'text/plain', 'old', '0',
               1, now(), now() from generate_series(1, 200) n
        """,
        tenant,
    )
    await ports.worker_database.open()
    try:
        files = OpenFileHandler(SqlFileRepository(uploader.api.services.ports.database), uploader.storage)
        rescan = Rescan(SqlFileInventory(ports.worker_database), ports.bus, files, uploader.storage, Clean())
        async with asyncio.timeout(60):
            await rescan.handle(RescanFiles())
    finally:
        await ports.worker_database.close()
        await uploader.sql("delete from files where tenant_id = $1", tenant)
