"""Numbers without gaps: a row for each tenant and name, which the transaction that takes a number locks until it ends.

A sequence of PostgreSQL is not transactional: numbers of what rolls back are lost [manual, 9.17].
"""

import re
from typing import Final

from api_base.core.errors import ProgrammingError
from api_base.core.protocols import Sequences
from api_base.core.types import readable_tenant
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.statement import owner_source
from api_base.infrastructure.db.unit_of_work import open_unit

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NEXT: Final = f"""
insert into sequences (tenant_id, name, value) select t.id, $2, 1 from {owner_source(Ownership.TENANT)}
on conflict (tenant_id, name) do update set value = sequences.value + 1 returning value
"""


class SqlSequences(Sequences):
    """Implements `Sequences` by the table `sequences`."""

    async def next(self, name: str) -> int:
        if not _NAME.fullmatch(name):
            raise ProgrammingError(
                f"{name!r} does not name a sequence. Write up to 63 lower-case letters, digits and underscores that begin with a letter, such as 'article_no'."
            )
        tenant = str(readable_tenant())

        async def take(connection: Connection) -> int:
            value: int = await connection.fetchval(_NEXT, tenant, name)
            return value

        return await open_unit().run(take)
