"""`api-base routes`, `messages` and `shell`: what the application declares, and Python on it as one of its users."""

import json
import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, environment, one_sentence, run
from tests.isolation import child_setup
from tests.unit.wiring import shop

LIST = "from api_base.application.common.listing import ListRequest\npage = await bus.execute(ListItems(request=ListRequest()))\n"


def shell(project: Project, script: str, tenant: str | None = "demo") -> subprocess.CompletedProcess[str]:
    chosen = [] if tenant is None else ["--tenant", tenant]
    return run(project.home, "shell", *chosen, "--as", project.email, stdin=script)


@pytest.mark.slow
def test_a_context_from_outside_is_in_both_lists_without_a_database(home: Path, tmp_path: Path) -> None:
    shutil.copytree(Path(shop.__file__).parent, tmp_path / "store", ignore=shutil.ignore_patterns("__pycache__"))
    variables = {"CONTEXTS": "store:SHOP", "PYTHONPATH": str(tmp_path)}
    routes = run(home, "routes", **variables)
    assert routes.returncode == 0, routes
    (line,) = (line for line in routes.stdout.splitlines() if line.split()[:2] == ["PUT", "/api/v1/goods/{id}/title"])
    assert line.split()[2:] == ["store:rename_good", "RenameGood", "shop:change", "required"]
    (found,) = (
        one
        for one in json.loads(run(home, "messages", "--json", **variables).stdout)
        if one["context"] == "shop" and "Rename" in one["message"]
    )
    assert found == {
        "message": "store:RenameGood",
        "handler": "store:RenameGoodHandler",
        "permission": "shop:change",
        "context": "shop",
        "tables": ["goods"],
    }
    assert json.loads(run(home, "routes", "--json", **variables).stdout)[0].keys() == {
        "method", "path", "endpoint", "messages", "permissions", "guard",
    }  # fmt: skip
    assert any(line.split()[0] == "store:RenameGood" for line in run(home, "messages", **variables).stdout.splitlines())
    assert not list(home.rglob("postmaster.pid"))


def test_a_script_acts_as_the_user_in_the_tenant(project: Project) -> None:
    done = shell(project, f"{LIST}print(page.items, principal.role, tenant == principal.tenant_id)\n")
    assert (done.returncode, done.stdout) == (0, "[] owner True\n"), done


@pytest.mark.slow
def test_a_change_is_committed_and_audited(project: Project) -> None:
    done = shell(project, "await bus.execute(RenameTenant(id=tenant, name='Renamed by the shell', expected_version=None))")
    assert done.returncode == 0, done
    script = (
        "from api_base.application.common.listing import ListRequest\n"
        "print((await bus.execute(GetTenant(id=tenant))).name)\n"
        "record = (await bus.execute(ListAudit(request=ListRequest()))).items[0]\n"
        "print(record.entity, record.actor_id == principal.user_id)\n"
    )
    done = shell(project, script)
    assert (done.returncode, done.stdout) == (0, "Renamed by the shell\ntenant True\n"), done


def test_a_script_without_a_tenant_reads_no_tenant(project: Project) -> None:
    done = shell(project, "print(tenant, [one.slug for one in await bus.execute(ListMyTenants())].count('demo'))\n" + LIST, tenant=None)
    assert (done.returncode, done.stdout) == (1, "None 1\n"), done
    assert "Forbidden" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "code", "shown"),
    [
        ("print(1 / 0)", 1, "ZeroDivisionError"),
        ("if", 1, "SyntaxError"),
        ("await bus.execute(SealAudit())", 1, "NameError"),
        ("raise SystemExit(0)", 0, ""),
        ("raise SystemExit(3)", 1, ""),
        ("", 0, ""),
    ],
)
def test_the_exit_code_says_whether_a_script_succeeded(project: Project, script: str, code: int, shown: str) -> None:
    done = shell(project, script)
    assert done.returncode == code, done
    assert shown in done.stderr
    assert "operations/shell.py" not in done.stderr


@pytest.mark.slow
def test_an_unknown_user_or_tenant_is_refused_by_one_sentence(project: Project) -> None:
    assert "is not a member of the tenant 'nowhere'" in one_sentence(shell(project, "", tenant="nowhere"))
    assert "no active user" in one_sentence(run(project.home, "shell", "--as", "nobody@example.com"))


@pytest.mark.slow
def test_a_terminal_gets_a_console_with_await_that_survives_errors(project: Project) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "shell", "--tenant", "demo", "--as", project.email],
        preexec_fn=child_setup(),
        cwd=project.home,
        env=environment(TERM="dumb"),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)

    def shown_until(text: str) -> str:
        found = ""
        while text not in found:
            found += os.read(controller, 4096).decode()  # the time limit of a test ends a wait for what never comes
        return found

    try:
        assert f"You act as {project.email} in the tenant demo." in shown_until(">>> ")
        for typed, answer in (
            ("1 / 0", "ZeroDivisionError"),
            ("(await bus.execute(GetProfile())).email", f"'{project.email}'"),
            ("raise ValueError('again')", "ValueError: again"),
        ):
            os.write(controller, f"{typed}\n".encode())
            assert answer in shown_until("\n>>> ")
        os.write(controller, b"exit()\n")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)
