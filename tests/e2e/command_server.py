"""A process that has imported what every command of `api-base` imports, and forks for each command: the imports take longer than the command.

The fork runs `python -m api_base.cli` in a folder, an environment and standard streams of its own, and ends as a program does. What a single
command imports besides, it imports itself.
"""

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from api_base.core.shared.parent_death import die_with_parent
from tests.isolation import start

ROOT: Final = Path(__file__).parents[2]
_MAX_BYTES: Final = 1 << 20
"""Maximum bytes of a request. A socket of datagrams needs a buffer that large."""


@cache
def command_server() -> socket.socket:
    """Start the process, which ends with this one, and return the socket that it reads requests from."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        program = [sys.executable, "-m", "tests.e2e.command_server", str(theirs.fileno())]
        start(program, cwd=ROOT, env=os.environ, stdout=sys.__stderr__.buffer, pass_fds=[theirs.fileno()])
    return ours


def run_command(
    arguments: tuple[str, ...], *, cwd: Path, env: Mapping[str, str], stdin: str, seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        TimeoutExpired: It has not ended after `seconds`. It ends with this process.
    """
    request = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": dict(env)}).encode()
    ours, theirs = socket.socketpair()
    with ours, TemporaryFile() as given, TemporaryFile() as output, TemporaryFile() as errors:
        given.write(stdin.encode())
        given.seek(0)
        with theirs:
            socket.send_fds(command_server(), [request], [theirs.fileno(), given.fileno(), output.fileno(), errors.fileno()])
        ours.settimeout(seconds)
        try:
            code = ours.recv(16).decode()
        except TimeoutError:
            raise subprocess.TimeoutExpired(list(arguments), seconds) from None
        assert code, "the command server has ended"
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(["api-base", *arguments], int(code), output.read().decode(), errors.read().decode())


def _command(channel: socket.socket) -> list[str]:
    """Receive requests and fork for each. Returns in the fork that runs the command: its arguments."""
    end_with_parent = die_with_parent(signal.SIGKILL) or (lambda: None)
    while True:
        message, (reply, *streams), _, _ = socket.recv_fds(channel, _MAX_BYTES, 4)
        assert threading.active_count() == 1, "a fork has no other threads"
        if os.fork() == 0:
            break
        for descriptor in (reply, *streams):
            os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    end_with_parent()
    command = os.fork()
    if command:
        code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
        os.write(reply, str(code).encode())
        os._exit(0)
    end_with_parent()
    channel.close()
    os.close(reply)
    for descriptor, stream in zip(streams, range(3), strict=True):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    request = json.loads(message)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    added = request["env"].get("PYTHONPATH", "")
    sys.path[:1] = [request["cwd"], *filter(None, added.split(os.pathsep))]
    return request["arguments"]


if __name__ == "__main__":
    import api_base.bootstrap.configuration
    import api_base.cli.commands  # noqa: F401 -- for the forks

    gc.freeze()  # or each fork would copy and scan all of it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.argv[1:] = _command(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("api_base.cli", run_name="__main__", alter_sys=True)
