"""Callers of public pages, and start-ups on policies that somebody changed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import asyncpg
import pytest

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.errors import WiringError
from api_base.core.types import Principal, RequestContext, SessionId, TenantId, UserId, current_context
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.table_check import SQL
from tests.application import Person


@contextmanager
def acting(caller: Person | None, permissions: Sequence[str], address: str = "") -> Iterator[None]:
    """Act as the owner of a tenant with these permissions, or as nobody."""
    principal = None if caller is None else Principal(
        user_id=UserId(caller.id), session_id=SessionId(uuid4()), tenant_id=TenantId(caller.tenant_id), role="owner",
        platform_admin=True, permissions=frozenset(permissions),
    )  # fmt: skip
    token = current_context.set(RequestContext(request_id="visit", principal=principal, address=address))
    try:
        yield
    finally:
        current_context.reset(token)


async def refusals(urls: Urls, contexts: Sequence[Context], breaking: str, about: str) -> list[str]:
    """The sentences that contain `about` of what a start refuses after the statement `breaking`, which is rolled back."""
    owner = await asyncpg.connect(urls.owner)
    transaction = owner.transaction()
    await transaction.start()
    try:
        await owner.execute(breaking)
        check = migrations.table_check(urls, contexts)
        rows = await owner.fetch(SQL, *check.arguments)
    finally:
        await transaction.rollback()
        await owner.close()
    with pytest.raises(WiringError) as refused:
        check.refuse(rows)
    return [fault.sentence for fault in refused.value.faults if about in fault.sentence]
