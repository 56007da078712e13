"""Set up a new server: three unprivileged login roles, the role that owns search functions, and a database that only they may connect to.

The server itself says whether it is complete, and every statement can be repeated, so a set-up that was interrupted is finished at the next start.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded.binaries import program
from api_base.infrastructure.db.embedded.programs import run_program


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """PostgreSQL URLs: `owner` migrates, `app` serves requests, `worker` runs background work. `direct` is `app` without a pooler."""

    owner: str
    app: str
    worker: str
    direct: str


DATABASE: Final = "api_base"
SUPERUSER: Final = "postgres"
ROLES: Final = ("owner", "app", "worker")
_SEARCH: Final = "search"
_COMPLETE: Final = f"""
select exists (select from pg_database, aclexplode(datacl) as granted
                where datname = '{DATABASE}' and granted.grantee = to_regrole('{ROLES[-1]}'))
       and (select count(*) from pg_roles where rolname in ({", ".join(f"'{role}'" for role in (*ROLES, _SEARCH))})) = {len(ROLES) + 1}
"""
"""Whether the last statement of the set-up was committed, and no role has been dropped since."""
_FINAL: Final = ("authentication failed", "does not exist")
"""Parts of messages about a connection that no further attempt can open."""


class Superuser:
    """Runs statements in the server as its superuser, with the wheel's psql."""

    def __init__(self, socket: str, port: int, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords
        self._command = [
            *(program("psql"), "-qXAt", "--set=ON_ERROR_STOP=1"),
            *(f"--host={socket}", f"--port={port}", f"--username={SUPERUSER}", "--dbname=postgres"),
        ]

    def complete(self) -> bool | None:
        """Return whether the set-up of the server is complete; None while it accepts no connection. Raises `ConfigurationError`."""
        done = self._run(f"{_COMPLETE};")
        if done.returncode == 0:
            return done.stdout.strip() == "t"
        if any(part in done.stderr for part in _FINAL):
            raise ConfigurationError(
                f"The embedded database refuses its superuser ({_reason(done.stderr)}). Restore passwords.json and the data directory from "
                "one backup, or move both away to start with an empty database."
            )
        return None

    def set_up(self) -> None:
        """Create the roles and the database, as far as they do not exist. Raises `ConfigurationError`."""
        passwords = self._passwords
        statements = [
            *(_unless_exists(f"create role {role}", "pg_roles", "rolname", role) for role in (*ROLES, _SEARCH)),
            *(f"alter role {role} login nosuperuser nocreaterole nocreatedb nobypassrls password '{passwords[role]}';" for role in ROLES),
            f"alter role {_SEARCH} nologin nosuperuser nobypassrls;",
            f"grant {_SEARCH} to owner with inherit false, set true;",
            _unless_exists(f"create database {DATABASE} owner owner", "pg_database", "datname", DATABASE),
            "begin;",
            f"revoke all on database {DATABASE} from public;",
            f"grant connect on database {DATABASE} to app, worker;",
            "commit;",
        ]
        done = self._run("\n".join(statements))
        if done.returncode:
            raise ConfigurationError(f"The roles of the embedded database cannot be created: {_reason(done.stderr)}")

    def _run(self, statements: str) -> subprocess.CompletedProcess[str]:
        return run_program(self._command, given=statements, variables={"PGPASSWORD": self._passwords[SUPERUSER], "LC_ALL": "C"})


def _unless_exists(statement: str, catalogue: str, column: str, name: str) -> str:
    return f"select '{statement}' where not exists (select from {catalogue} where {column} = '{name}') \\gexec"


def _reason(text: str) -> str:
    return text.strip().rpartition("FATAL:")[2].strip() or "no reason was given"


def urls(socket: str, port: int, passwords: Mapping[str, str]) -> Urls:
    """Return the URLs of all roles."""
    found = {role: url(role, passwords[role], socket, port) for role in ROLES}
    return Urls(**found, direct=found["app"])


def url(role: str, password: str, socket: str, port: int) -> str:
    """Return the URL of `role`."""
    return f"postgresql://{role}:{quote(password, safe='')}@/{DATABASE}?{urlencode({'host': socket, 'port': port})}"
