"""The rules of files and of uploads on their way, without storage and database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.application.services.file_upload.keys import incoming_key, tenant_of
from api_base.application.services.file_upload.limits import Streams
from api_base.core.errors import Invalid, TooManyRequests, Unavailable
from api_base.core.protocols import Part
from api_base.core.types import TenantId, UserId
from api_base.domain.files.attachment import Attachment
from api_base.domain.files.entities import File
from api_base.domain.files.errors import (
    FileNotReady,
    FileTooLarge,
    LengthMismatch,
    OffsetMismatch,
    PartsExhausted,
    UploadComplete,
    UploadExpired,
    UploadIncomplete,
    UploadLocked,
)
from api_base.domain.files.upload import LEASE, MAX_PARTS, PART_BYTES, Upload
from api_base.domain.files.value_objects import FileFacts, FileState, media_type, sha256_hex
from tests.support import act_for

NOW = datetime(2026, 11, 26, tzinfo=UTC)
FACTS = FileFacts(size=3, sha256="a" * 64, media_type="text/plain")
MAX = 100


def file() -> File:
    return File.begin(id=uuid4(), tenant_id=TenantId(uuid4()), owner_id=UserId(uuid4()), name="a.txt", declared_type="text/plain", now=NOW)


def upload(**changes: object) -> Upload:
    made = Upload(
        tenant_id=TenantId(uuid4()),
        id=uuid4(),
        owner_id=UserId(uuid4()),
        object_key="files/x",
        length=10,
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def named(one: File | Attachment) -> Sequence[str]:
    return [event.name for event in one.collect_events()]


def test_a_file_is_pending_scanned_and_ready() -> None:
    one = file()
    assert one.state is FileState.PENDING
    with pytest.raises(FileNotReady, match="pending"):
        one.content()
    one.scanned(FACTS, "files/mine", NOW)
    with pytest.raises(FileNotReady, match="scanned"):
        one.content()
    assert one.publish("files/shared", NOW) is True
    assert one.publish("files/other", NOW) is False
    assert one.content() == ("files/shared", FACTS)
    assert named(one) == ["files.begun.v1", "files.ready.v1"]


def test_a_file_that_was_checked_is_not_scanned_again() -> None:
    one = file()
    one.refuse("Malware.", NOW)
    one.scanned(FACTS, "files/mine", NOW)
    assert (one.state, one.object_key, one.publish("files/mine", NOW)) == (FileState.REFUSED, None, False)


def test_a_ready_file_may_be_refused_later_and_then_has_no_content() -> None:
    one = file()
    one.scanned(FACTS, "files/mine", NOW)
    one.publish("files/mine", NOW)
    assert (one.refuse("Malware.", NOW), one.refuse("Malware.", NOW)) == (True, False)
    with pytest.raises(FileNotReady, match=r"refused, so its content cannot be read\. Malware\."):
        one.content()
    assert named(one) == ["files.begun.v1", "files.ready.v1", "files.refused.v1"]


def test_an_equal_name_is_no_change_and_a_path_no_name() -> None:
    one = file()
    assert (one.rename("a.txt", NOW), one.rename("b.txt", NOW), one.name) == (False, True, "b.txt")
    with pytest.raises(Invalid):
        one.rename("../b.txt", NOW)


def test_only_one_writer_has_the_lease_until_it_ends() -> None:
    first, second = uuid4(), uuid4()
    held = upload().leased(first, 0, NOW)
    with pytest.raises(UploadLocked):
        held.leased(second, 0, NOW + LEASE - timedelta(microseconds=1))
    taken = held.leased(second, 0, NOW + LEASE)
    with pytest.raises(UploadLocked):
        taken.renewed(first, NOW + LEASE)
    assert taken.renewed(second, NOW + LEASE).leased_until == NOW + 2 * LEASE
    assert held.released().leased(second, 0, NOW).lease == second


def test_a_lease_is_for_the_offset_of_an_upload_that_takes_bytes() -> None:
    with pytest.raises(OffsetMismatch) as mismatch:
        upload(offset=4).leased(uuid4(), 5, NOW)
    assert (mismatch.value.expected, mismatch.value.provided) == (4, 5)
    for closed in (upload(complete=True), upload(direct=True)):
        with pytest.raises(UploadComplete):
            closed.leased(uuid4(), 0, NOW)
    with pytest.raises(UploadExpired):
        upload().leased(uuid4(), 0, NOW + timedelta(hours=1))


def test_a_length_is_said_once() -> None:
    assert upload(length=None, offset=3).with_length(3, MAX).length == 3
    assert upload(length=10).with_length(10, MAX).length == 10
    for refused, error in ((11, LengthMismatch), (9, LengthMismatch), (MAX + 1, FileTooLarge)):
        with pytest.raises(error):
            upload(length=10).with_length(refused, MAX)
    with pytest.raises(LengthMismatch):
        upload(length=None, offset=3).with_length(2, MAX)


@given(st.lists(st.tuples(st.lists(st.integers(1, 50), max_size=3), st.integers(0, 9)), max_size=6))
def test_the_offset_is_what_parts_and_tail_hold(changes: list[tuple[list[int], int]]) -> None:
    """The tail before is in the first part of a change, or in the new tail."""
    one, stored = upload(length=None), 0
    for sizes, more in changes:
        sizes = [sizes[0] + one.tail_size, *sizes[1:]] if sizes else []
        tail = more if sizes else one.tail_size + more
        one = one.advanced([Part(number=n, etag="", size=size) for n, size in enumerate(sizes)], "tail" if tail else None, tail)
        stored += sum(sizes)
        assert one.offset == stored + one.tail_size


def test_more_bytes_than_the_length_are_refused() -> None:
    with pytest.raises(LengthMismatch):
        upload(length=10).advanced([Part(number=1, etag="", size=11)], None, 0)


def test_an_upload_is_complete_with_its_last_byte() -> None:
    with pytest.raises(UploadIncomplete):
        upload(offset=9).completed(NOW)
    with pytest.raises(UploadIncomplete):
        upload(length=None).completed(NOW)
    done = upload(offset=10, lease=UUID(int=1), leased_until=NOW).completed(NOW)
    assert (done.complete, done.lease, done.leased_until) == (True, None, None)
    assert done.completed(NOW + timedelta(days=9)).complete is True


@given(st.integers(1, 128 * 1024**3))
def test_the_parts_of_a_file_suffice_for_every_size(length: int) -> None:
    size = upload(length=length).part_bytes(2 * length, 1)
    assert size >= PART_BYTES
    assert -(-length // size) <= MAX_PARTS


def test_the_storage_may_need_larger_parts() -> None:
    assert upload(length=1).part_bytes(1, PART_BYTES + 1) == PART_BYTES + 1


@pytest.mark.parametrize(
    ("text", "found"), [("", "application/octet-stream"), ("Text/Plain; charset=utf-8", "text/plain"), ("image/svg+xml", "image/svg+xml")]
)
def test_media_types(text: str, found: str) -> None:
    assert media_type(text) == found


@pytest.mark.parametrize("text", ["text", "text/", "a b/c", "*/*", "text/plain/x", "t" * 65 + "/x"])
def test_what_is_no_media_type_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        media_type(text)


def test_digests_are_compared_in_lower_case() -> None:
    assert sha256_hex("A" * 64) == "a" * 64
    for wrong in ("a" * 63, "g" * 64, "a" * 65):
        with pytest.raises(Invalid):
            sha256_hex(wrong)


def test_a_slot_changes_its_file() -> None:
    one, other = uuid4(), uuid4()
    made = Attachment.attach(id=uuid4(), tenant_id=TenantId(uuid4()), kind="items", entity_id=uuid4(), slot="picture", file_id=one, now=NOW)
    assert (made.replace(one, NOW), made.replace(other, NOW), made.file_id) == (False, True, other)
    made.detach()
    assert named(made) == ["files.attached.v1", "files.detached.v1", "files.attached.v1", "files.detached.v1"]


def test_streams_are_bounded_for_a_tenant_and_end_with_their_block() -> None:
    streams = Streams(2, 10, lambda name, value: None)
    act_for(uuid4())
    with streams.one(), streams.one():
        with pytest.raises(TooManyRequests), streams.one():
            raise AssertionError
        act_for(uuid4())
        with streams.one():
            pass
    with streams.one(), streams.one():
        pass


def test_streams_of_tickets_count_for_the_tenant_of_their_object() -> None:
    streams, tenant = Streams(1, 10, lambda name, value: None), uuid4()
    found = [tenant_of(incoming_key(tenant, uuid4())), tenant_of("pictures/a")]
    assert found == [tenant, None]
    act_for(uuid4())
    with streams.one(tenant):
        act_for(tenant)
        with pytest.raises(TooManyRequests), streams.one():
            raise AssertionError


def test_streams_are_bounded_for_a_process_in_all() -> None:
    figures: dict[str, float] = {}
    streams = Streams(10, 2, figures.__setitem__)
    act_for(uuid4())
    with streams.one():
        act_for(uuid4())
        with streams.one():
            act_for(uuid4())
            with pytest.raises(Unavailable) as refused, streams.one():
                raise AssertionError
            assert refused.value.retry_after > 0
            assert figures == {"uploads_open": 2, "uploads_refused_total": 1}
    assert figures["uploads_open"] == 0
    with streams.one():
        assert figures == {"uploads_open": 1, "uploads_refused_total": 1}


def test_no_part_has_a_number_that_no_storage_accepts() -> None:
    last = upload(next_part=10_000).with_next_part()
    with pytest.raises(PartsExhausted):
        last.with_next_part()
