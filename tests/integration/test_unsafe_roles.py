"""A role that policies do not apply to is refused when the pool opens, for each attribute that switches them off."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import UNSAFE_ATTRIBUTES, Database

CASES: Final = {"rolsuper": ("superuser nobypassrls", "is a superuser"), "rolbypassrls": ("bypassrls", "bypasses row-level security")}
"""By attribute: how a role gets it alone, and what the refusal says."""


def test_each_unsafe_attribute_has_a_case() -> None:
    assert CASES.keys() == UNSAFE_ATTRIBUTES.keys()


async def opens(urls: Urls, admin_url: str, attributes: str, *, checked: bool) -> None:
    """Open and close a pool as a new role with `attributes`."""
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f"create role candidate login {attributes} password 'secret'")
        database = await admin.fetchval("select current_database()")
        await admin.execute(f"grant connect on database {database} to candidate")
        parts = urlsplit(urls.app)
        url = urlunsplit(parts._replace(netloc="candidate:secret@" + parts.netloc.rpartition("@")[2]))
        pool = Database(url, PoolOptions(size=1, acquire_timeout=5, statement_timeout=5), refuse_unsafe_role=checked)
        try:
            await pool.open()
        finally:
            await pool.close()
    finally:
        await admin.execute("drop owned by candidate; drop role candidate")
        await admin.close()


@pytest.mark.parametrize("attribute", CASES)
async def test_a_role_that_bypasses_policies_is_refused(migrated: Urls, admin_of_migrated: str, attribute: str) -> None:
    attributes, why = CASES[attribute]
    with pytest.raises(ConfigurationError, match=f"'candidate' {why}"):
        await opens(migrated, admin_of_migrated, attributes, checked=True)
    await opens(migrated, admin_of_migrated, attributes, checked=False)  # during development


async def test_a_role_that_policies_apply_to_is_taken(migrated: Urls, admin_of_migrated: str) -> None:
    await opens(migrated, admin_of_migrated, "nosuperuser nobypassrls", checked=True)
