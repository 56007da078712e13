"""`api_base.testing`, as a package of somebody else uses it: in a test run of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
CONFTEST: Final = 'pytest_plugins = ["api_base.testing"]\n'
TESTS: Final = """
from datetime import timedelta

import pytest

from api_base import Forbidden
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.tenants.commands.rename_tenant import RenameTenant
from api_base.domain.items.entities import ItemDetails

CHAIR = {"sku": "CHAIR", "name": "Chair", "category": "furniture"}


async def test_an_item_is_created(acting):
    ana = await acting(role="member")
    answer = await ana.client.post("/api/v1/items", json=CHAIR)
    assert answer.status_code == 201


async def test_each_test_has_a_database_of_its_own(acting, events):
    ana = await acting()
    assert (await ana.client.get("/api/v1/items")).json()["items"] == []
    assert await events("items.created.v1") == []


async def test_roles_and_tenants(acting, events):
    ana = await acting(role="member")
    made = (await ana.client.post("/api/v1/items", json=CHAIR)).json()
    viewer, stranger = await acting(role="viewer", tenant=ana.tenant_id), await acting()
    assert (await viewer.client.get(f"/api/v1/items/{made['id']}")).status_code == 200
    assert (await viewer.client.post("/api/v1/items", json=CHAIR | {"sku": "B"})).status_code == 403
    assert (await stranger.client.get(f"/api/v1/items/{made['id']}")).status_code == 404
    (event,) = await events("items.created.v1")
    assert (str(event.aggregate_id), event.payload["tenant_id"]) == (made["id"], str(ana.tenant_id))


async def test_messages_are_sent_with_the_permissions_of_the_role(acting):
    ana, viewer = await acting(), await acting(role="viewer")
    chair = CreateItem(details=ItemDetails(sku="CHAIR", name="Chair", category="furniture"))
    assert (await ana.execute(chair)).sku == "CHAIR"
    with pytest.raises(Forbidden):
        await viewer.execute(chair)
    tenant = f"/api/v1/tenants/{ana.tenant_id}"
    assert (await ana.client.get(tenant)).json()["name"] != "North"
    await ana.execute(RenameTenant(id=ana.tenant_id, expected_version=None, name="North"))
    assert (await ana.client.get(tenant)).json()["name"] == "North", "the result that was cached before the message has ended"


async def test_the_worker_sends_mail(acting, client, run_worker, mailbox):
    ana = await acting()
    assert (await client.post("/api/v1/auth/password/forgotten", json={"email": ana.email})).status_code == 204
    assert mailbox.mails == []
    await run_worker()
    (mail,) = mailbox.to(ana.email)
    assert "password" in mail.text


async def test_a_token_ends_with_its_time(acting, clock):
    ana = await acting()
    assert (await ana.client.get("/api/v1/users/me")).status_code == 200
    clock.advance(timedelta(days=1))
    assert (await ana.client.get("/api/v1/users/me")).status_code == 401


async def test_jobs_run_also_after_the_clock_was_moved(acting, client, clock, run_worker, mailbox):
    ana = await acting()
    clock.advance(timedelta(days=1))
    assert (await client.post("/api/v1/auth/password/forgotten", json={"email": ana.email})).status_code == 204
    await run_worker()
    assert len(mailbox.to(ana.email)) == 1


async def test_another_tenant_cannot_be_joined(acting, backend):
    with pytest.raises(ValueError, match="was not made by"):
        await backend.acting(role="member", tenant=backend.services.ports.ids.new())


@pytest.fixture
def sections():
    return {"server": {"max_body_bytes": 1024}}


async def test_settings_can_be_changed(acting):
    ana = await acting()
    assert (await ana.client.post("/api/v1/items", json=CHAIR | {"name": "x" * 2000})).status_code == 413
"""


@pytest.mark.slow
def test_a_package_of_its_own_is_tested(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_items.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "asyncio", "-q", "--no-header", str(tmp_path)],
        cwd=tmp_path,
        env=inherited | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 passed" in done.stdout
