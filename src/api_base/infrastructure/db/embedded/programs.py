"""Runs a program of PostgreSQL to its end."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from api_base.core.shared.least_privilege import program_environment
from api_base.core.shared.parent_death import die_with_parent


def run_program(
    command: Sequence[str], *, given: str = "", variables: Mapping[str, str] | None = None, run_as: Mapping[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """Return the exit code and the text that `command` wrote, after reading `given`. `variables` are added to its environment.

    It has a session of its own: Ctrl-C in a terminal, sent to the whole group, reaches it only through this process, which decides what a
    start that is interrupted leaves. It ends with this process.
    """
    return subprocess.run(
        command,
        cwd="/",
        env={**program_environment(), **(variables or {})},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
        **(run_as or {}),
    )
