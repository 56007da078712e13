"""Mails through a server that refuses a third of them, sent by workers that are killed: each arrives, and none twice whose confirmation
reached a living worker. `MAILS=1000` is the full proof; the counts are printed.
"""

import os
from collections import Counter

import pytest

from tests.e2e.conftest import Project
from tests.e2e.killing import killed_workers
from tests.e2e.processes import rows, serving, until
from tests.services import Mailpit

MAILS = int(os.environ.get("MAILS", "24"))
WORKERS = 2
LIFE = (0.5, 4.0)
"""Seconds until a worker is killed. A job that loses five workers in succession is taken for their cause and becomes dead."""
PATIENCE = 60.0 + MAILS
JOBS = "select payload->>'invitation_id', state, attempts, lost_attempts, replace(left(coalesce(error, ''), 80), '|', '/') from jobs where name = 'tenants.mail_invitation'"
LEFT = f"select count(*) from ({JOBS}) j where state not in ('succeeded', 'dead')"


@pytest.mark.slow
def test_every_mail_arrives_and_no_confirmed_one_twice(project: Project, mailpit: Mailpit) -> None:
    home, domain = project.home, f"{project.home.name}.example.com".replace("_", "0").lower()
    settings = {
        "MAIL__URL": mailpit.smtp_url,
        "JOBS__CONCURRENCY": "8",
        "RESILIENCE__OPEN_SECONDS": "1",
        "RATE_LIMIT__REQUESTS": "1000000",
        "RATE_LIMIT__BURST": "1000000",
        "RATE_LIMIT__LOGIN_REQUESTS": "1000000",
        "RATE_LIMIT__LOGIN_BURST": "1000000",
    }
    with serving(home, "--no-worker", **settings) as backend, mailpit.failing("Recipient", 451, 33):
        token = project.log_in(backend.ready())
        _, mine = backend.request("GET", "/api/v1/tenants", token=token)
        (tenant,) = [one["id"] for one in mine["items"] if one["slug"] == "demo"]
        token = backend.request("POST", f"/api/v1/tenants/{tenant}/switch", token=token)[1]["access_token"]
        with killed_workers(home, WORKERS, settings, LIFE) as workers:
            invited = set()
            for number in range(MAILS):
                body = {"email": f"guest-{number}@{domain}", "role": "viewer"}
                status, made = backend.request("POST", f"/api/v1/tenants/{tenant}/invitations", body, token)
                assert status == 201, made
                invited.add(made["id"])
            until(lambda: sum(worker.kills for worker in workers) >= max(3, MAILS // 50), "kills", PATIENCE)
            for worker in workers:
                worker.to_live.set()
            until(lambda: rows(home, LEFT) == [["0"]], "the end of every job", PATIENCE)
            kills = sum(worker.kills for worker in workers)
        stored = rows(home, JOBS)
    jobs = {row[0]: (int(row[2]), int(row[3])) for row in stored}
    arrived = Counter(id.removeprefix("invitation.").partition(".")[0] for id in mailpit.message_ids(domain))
    lost = sum(lost for _, lost in jobs.values())
    twice = sum(copies - 1 for copies in arrived.values())
    tries = sum(attempts for attempts, _ in jobs.values())
    print(f"\n{MAILS} email_templates, {kills} kills, {tries} attempts, {lost} of them lost with their worker, {twice} second copies")
    assert set(jobs) == invited
    assert [row for row in stored if row[1] != "succeeded"] == []
    assert set(arrived) == invited
    assert [id for id, copies in arrived.items() if copies > 1 + jobs[id][1]] == [], "confirmed to a worker that lived, and sent again"
