"""tools/setup.sh, which installs what `make` needs: a failure shows the tool's last lines and names the likely cause."""

import os
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "tools/setup.sh"
CAUSES = [
    ("error: No space left on device (os error 28)", "The disk is full"),
    ("Caused by: invalid peer certificate: UnknownIssuer", "A certificate is not trusted"),
    ("SSLError(SSLCertVerificationError(1, 'certificate verify failed'))", "A certificate is not trusted"),
    ("Caused by: dns error: failed to lookup address information: Temporary failure in name resolution", "cannot be reached"),
    ("error sending request for url (https://pypi.org/simple/fastapi/): operation timed out", "cannot be reached"),
    ("ERROR: Could not find a version that satisfies the requirement uv==0.1", "cannot be reached"),
    ("error: No interpreter found for Python >=3.12 in managed installations or search path", "Python 3.12 or newer is not on PATH"),
    (
        "cause: error sending request for url (https://github.com/astral-sh/python-build-standalone/releases/x.tar.gz): dns error",
        "Python 3.12 or newer is not on PATH",
    ),
    ("error: failed to create directory `/opt/x`: Permission denied (os error 13)", "A file cannot be written"),
    ("error: a failure of a new kind", "The lines above say why."),
]


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def set_up(folder: Path, *arguments: str) -> str:
    """What the failing script prints on standard error. Programs in `folder`/bin come first."""
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run([SETUP, *arguments], cwd=folder, env={**os.environ, "PATH": path}, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done
    return done.stderr


@pytest.mark.parametrize(("printed", "cause"), CAUSES)
def test_a_failed_sync_shows_the_last_lines_and_the_cause(tmp_path: Path, printed: str, cause: str) -> None:
    program(tmp_path / ".tools/uv", f'for n in {{1..30}}; do echo "line $n" >&2; done; cat >&2 <<"END"\n{printed}\nEND\nexit 2')
    said = set_up(tmp_path, "sync", "--extra", "embedded")
    assert said.startswith("uv cannot install the packages into .venv. The last lines of its output:\n    line 22\n")
    assert printed in said
    assert said.count(cause) == 1


def test_a_python_that_does_not_run_is_named(tmp_path: Path) -> None:
    program(tmp_path / "bin/python3", "echo 'python3: cannot execute binary file' >&2; exit 126")
    said = set_up(tmp_path, "uv", "1.2.3")
    assert said.startswith(f"{tmp_path}/bin/python3 does not run. ")
    assert "python3: cannot execute binary file" in said


def test_a_python_without_pip_and_venv_is_named(tmp_path: Path) -> None:
    program(tmp_path / "bin/python3", '[ "$1" != -c ] || exit 0\necho "/usr/bin/python3: No module named ${2}" >&2; exit 1')
    said = set_up(tmp_path, "uv", "1.2.3")
    assert said.startswith("venv cannot create an environment for uv 1.2.3. ")
    assert f"Neither pip nor venv works for {tmp_path}/bin/python3. Install python3-venv." in said


def test_an_index_that_pip_cannot_reach_is_no_missing_pip(tmp_path: Path) -> None:
    script = '[ "$3" != --version ] && [ "$1" != -c ] || exit 0\necho "NewConnectionError: [Errno 101] Network is unreachable" >&2; exit 1'
    program(tmp_path / "bin/python3", script)
    said = set_up(tmp_path, "uv", "1.2.3")
    assert said.startswith("pip cannot install uv 1.2.3. ")
    assert "The package index cannot be reached." in said
    assert "python3-venv" not in said
