"""Isolates a test run from the shell that started it, and ends every process of the run with it.

A shell passes on its umask, its ignored signals (SIGHUP under nohup(1), SIGINT and SIGQUIT in the background of a script) and variables
that are settings. The tests override all of them. A test process that is killed takes its children along by the parent-death signal [PR_SET_PDEATHSIG(2const)], which an xdist
worker receives when its controller ends.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final

import pytest
from hypothesis import settings

from api_base.core.config import Settings
from api_base.core.shared.parent_death import die_with_parent

UMASK: Final = 0o022
_INHERITED: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_STARTER: Final = ThreadPoolExecutor(1, thread_name_prefix="starter")
"""The kernel sends the parent-death signal when the thread that started a process ends, so one thread starts them all."""


def unmeasured() -> dict[str, str]:
    """The environment of this process without what makes a started Python measure coverage."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COV_CORE", "COVERAGE"))}


def pytest_configure(config: pytest.Config) -> None:
    """Override what the shell passed on; end an xdist worker with its controller."""
    os.umask(UMASK)
    for name in [name for name in os.environ if _is_setting(name)]:
        del os.environ[name]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("no_proxy", ""), "localhost,127.0.0.1"]))
    settings.register_profile("tests", deadline=None)  # the clock counts the other processes of a busy machine too
    settings.load_profile("tests")
    if hasattr(config, "workerinput") and (die := die_with_parent(signal.SIGKILL)) is not None:
        die()


def _is_setting(name: str) -> bool:
    """Whether the application reads the variable: its settings, and those of a service manager."""
    return name.partition("__")[0].lower() in Settings.model_fields or name in {"NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS"}


def child_setup() -> Callable[[], None]:
    """A `preexec_fn`: default signal handling in the child, and SIGKILL when the thread that started it ends."""
    die = die_with_parent(signal.SIGKILL)

    def set_up() -> None:
        for number in _INHERITED:
            signal.signal(number, signal.SIG_DFL)
        if die is not None:
            die()

    return set_up


def start(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: IO[bytes],
    stdin: int | None = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
    new_session: bool = True,
    umask: int = -1,
) -> subprocess.Popen[bytes]:
    """Start a process that ends with this one. `stdout` receives standard error too."""
    return _STARTER.submit(
        subprocess.Popen,
        command,
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stdout,
        pass_fds=pass_fds,
        start_new_session=new_session,
        umask=umask,
        preexec_fn=child_setup(),
    ).result()
