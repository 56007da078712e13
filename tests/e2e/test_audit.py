"""The audit trail of a running backend: sealed and signed by its worker, verified and exported by commands, here and elsewhere."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import rows, run, serving, until

ITEM = {"sku": "AUDITED", "name": "Chair", "category": "furniture"}


@pytest.mark.slow
def test_the_trail_is_sealed_verified_and_exported_and_tampering_is_named(project: Project, home: Path) -> None:
    with serving(project.home, AUDIT__CHECKPOINT_SECONDS="1") as backend:
        status, item = backend.ready().request("POST", "/api/v1/items", ITEM, project.log_in(backend))
        assert status == 201
        until(lambda: "wait to be sealed" not in run(project.home, "audit", "verify").stdout, "a sealed trail")
        until(lambda: list((project.home / ".api-base/audit").glob("*.jsonl")), "signed heads")

        exported = run(project.home, "audit", "export").stdout
        key = json.loads(exported.splitlines()[0])["key"]["kid"]
        assert f'"entity_id":"{item["id"]}"' in exported
        (home / "trail.jsonl").write_text(exported)
        elsewhere = run(home, "audit", "verify", "trail.jsonl", "--key", key)
        assert (elsewhere.returncode, elsewhere.stdout.endswith("no findings.\n")) == (0, True), elsewhere
        untrusted = run(home, "audit", "verify", "trail.jsonl")
        assert (untrusted.returncode, "unsigned: head" in untrusted.stdout) == (1, True), untrusted

        tampering = f"update audit set action = 'item.read' where entity_id = '{item['id']}' returning entity_id"
        assert rows(project.home, tampering) == [[item["id"]]]
        found = run(project.home, "audit", "verify")
        assert (found.returncode, found.stdout.count("edited: record ")) == (1, 1), found
        after = run(project.home, "audit", "export", "--since", "2100-01-01").stdout
        assert [list(json.loads(line)) for line in after.splitlines() if '"record"' in line] == []
