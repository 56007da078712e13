"""Each process gets the secrets that its own work needs: a server process migrates nothing and signs no audit record, a worker migrates nothing.

A process is started without the variables that it must not have: everybody who can read its `/proc/PID/environ` or its memory could use them.
"""

import os
from collections.abc import Mapping
from typing import Final, Literal

type Kind = Literal["supervisor", "server", "worker"]
"""`supervisor` starts the others, and the short-lived process that migrates as the owner, so nothing is withheld from it."""

_OWNER: Final = "DATABASE__OWNER_URL"
WITHHELD: Final[Mapping[Kind, frozenset[str]]] = {
    "supervisor": frozenset(),
    "server": frozenset({_OWNER, "DATABASE__WORKER_URL", "AUDIT__SIGNING_KEYS", "LOCKS__URL"}),
    "worker": frozenset({_OWNER}),
}
OPTIONAL: Final[Mapping[Kind, frozenset[str]]] = {**WITHHELD, "supervisor": frozenset({_OWNER})}
"""Variables that the process can do without: in production, `serve` does not migrate."""
_OF_PROGRAMS: Final = ("PATH", "HOME", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


def environment_for(kind: Kind, variables: Mapping[str, str]) -> dict[str, str]:
    """Return `variables` without those that a process of this kind must not have."""
    return {name: value for name, value in variables.items() if name.upper() not in WITHHELD[kind]}


def program_environment() -> dict[str, str]:
    """Return the environment of a program that is not part of the application, such as PostgreSQL: no settings."""
    return {name: os.environ[name] for name in _OF_PROGRAMS if name in os.environ}
