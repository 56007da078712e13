"""Set up a new server: three unprivileged login roles, the role that owns search functions, and a database that only they may connect to."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded.binaries import Binaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """PostgreSQL URLs: `owner` migrates, `app` serves requests, `worker` runs background work. `direct` is `app` without a pooler."""

    owner: str
    app: str
    worker: str
    direct: str


DATABASE: Final = "api_base"
ROLES: Final = ("owner", "app", "worker")


def create_roles(binaries: Binaries, socket: str, port: int, passwords: Mapping[str, str]) -> None:
    """Create the roles and the database as the superuser. Raises `ConfigurationError`."""
    statements = [
        f"create role {role} login nosuperuser nocreaterole nocreatedb nobypassrls password '{passwords[role]}'" for role in ROLES
    ]
    statements += [
        "create role search nologin nosuperuser nobypassrls",
        "grant search to owner with inherit false, set true",
        f"create database {DATABASE} owner owner",
        f"revoke all on database {DATABASE} from public",
        f"grant connect on database {DATABASE} to app, worker",
    ]
    command = [binaries.path("psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-h", socket, "-p", str(port), "-U", "postgres", "-d", "postgres"]
    environment = {"PGPASSWORD": passwords["postgres"], "PATH": os.environ.get("PATH", "")}
    done = subprocess.run(command, input=";\n".join(statements) + ";", text=True, check=False, capture_output=True, env=environment)
    if done.returncode:
        raise ConfigurationError(f"The roles of the embedded database cannot be created: {done.stderr.strip()}")


def urls(socket: str, port: int, passwords: Mapping[str, str]) -> Urls:
    """Return the URLs of all roles."""
    found = {role: url(role, passwords[role], socket, port) for role in ROLES}
    return Urls(**found, direct=found["app"])


def url(role: str, password: str, socket: str, port: int) -> str:
    """Return the URL of `role`."""
    return f"postgresql://{role}:{quote(password, safe='')}@/{DATABASE}?{urlencode({'host': socket, 'port': port})}"
