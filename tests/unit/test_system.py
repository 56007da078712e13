"""Time and ids of this machine."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from api_base.infrastructure.system import SystemClock, Uuid7Generator


def test_ids_are_plain_uuids_of_version_7_and_ordered() -> None:
    ids = [Uuid7Generator().new() for _ in range(5000)]
    assert {(type(id), id.version) for id in ids} == {(UUID, 7)}
    assert ids == sorted(set(ids))


def test_an_id_tells_when_it_was_made() -> None:
    made = datetime.fromtimestamp((Uuid7Generator().new().int >> 80) / 1000, UTC)
    assert abs(made - SystemClock().now()) < timedelta(seconds=60)
