"""The findings of `api-base doctor`: the effective configuration without secrets, and the state of each configured service."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from pydantic import BaseModel

from api_base.bootstrap import migrations
from api_base.bootstrap.container import Wiring
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import left_out
from api_base.bootstrap.selections import select
from api_base.bootstrap.services import build, opened
from api_base.core.config import Settings
from api_base.core.config.production import unencrypted_links
from api_base.core.errors import ApiBaseError, ConfigurationError, Unavailable
from api_base.core.protocols import HealthCheck, Probe
from api_base.infrastructure.db.clock_watch import complaint, seconds_ahead
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.errors import connection_reason
from api_base.infrastructure.db.session import check_server
from api_base.interface.v1.health_router import TIMEOUT
from api_base.operations.wiring import declared_faults
from api_base.serving.resolving import on


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str
    well: bool
    detail: str


def configuration_lines(settings: Settings) -> list[str]:
    """Yield `VARIABLE=value` for each setting, with asterisks for secrets."""
    return [f"{name.upper()}={value}" for name, value in _flat(settings, "")]


def _flat(model: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{name}__")
        else:
            yield prefix + name, value


async def diagnose(settings: Settings, urls: Urls, contexts: Sequence[Context]) -> list[Finding]:
    """Check the wiring, each role of the database, the schema, and every other configured service."""
    faults = await asyncio.to_thread(declared_faults, settings, contexts)
    findings = [Finding(what="wiring", well=False, detail=str(fault)) for fault in faults]
    absent = ", ".join(context.name for context in left_out(contexts))
    fitting = f"{len(contexts)} contexts fit together{f'; left out: {absent}' if absent else ''}"
    findings = findings or [Finding(what="wiring", well=True, detail=fitting)]
    roles = {"owner": urls.owner, "app": urls.app, "worker": urls.worker}
    connected = [await _finding(f"database, role {name}", _role(url)) for name, url in roles.items()]
    findings += connected
    if all(finding.well for finding in connected):
        findings.append(await _finding("clock", _clock(urls.app)))
        findings.append(await _finding("schema", _schema(urls, contexts)))
    findings.append(await _finding("signing keys", _keys(settings)))
    allowed = [name for name, _ in unencrypted_links(settings) if name in settings.security.allow_unencrypted]
    findings += [Finding(what=name, well=True, detail="is not encrypted; SECURITY__ALLOW_UNENCRYPTED allows it") for name in allowed]
    selections, _ = select(settings, [context.adapters for context in contexts])
    ports = Wiring(settings, selections, {}).adapter_ports
    for port, selection in selections.by_port().items():
        if selection.notice is not None:
            findings.append(Finding(what=port, well=True, detail=selection.notice))
        if selection.url is not None:
            adapter = selection.build(ports)
            if isinstance(adapter, Probe):
                findings.append(await _finding(port, _answer(adapter)))
    if all(finding.well for finding in findings):
        findings += await _checks(on(settings, urls), contexts)
    return findings


async def _checks(settings: Settings, contexts: Sequence[Context]) -> list[Finding]:
    """Run the health checks of contexts as `/health/ready` does, within their lifespans, and say why one fails."""
    services = build(settings, contexts)
    if not services.declarations.checks:
        return []
    try:
        async with opened(services):
            return [await _checked(check) for check in services.declarations.checks]
    except Exception as error:  # whatever the author of a lifespan lets it raise
        reason = str(error) if isinstance(error, ApiBaseError) else f"{type(error).__name__}: {error}"
        return [Finding(what="lifespans of the contexts", well=False, detail=reason)]


async def _checked(check: HealthCheck) -> Finding:
    what, limit = f"health check {check.name}", asyncio.timeout(TIMEOUT)
    try:
        async with limit:
            await check.check()
    except Exception as error:  # whatever its author lets it raise
        reason = f"no answer within {TIMEOUT:g} s" if limit.expired() else f"{type(error).__name__}: {error}"
        return Finding(what=what, well=False, detail=reason)
    return Finding(what=what, well=True, detail="healthy")


async def _finding(what: str, check: Awaitable[str]) -> Finding:
    """What `check` returns, or the error that it raises."""
    try:
        return Finding(what=what, well=True, detail=await check)
    except ApiBaseError as error:
        return Finding(what=what, well=False, detail=str(error))


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    try:
        connection: Connection = await asyncpg.connect(url, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise Unavailable(f"cannot connect: {connection_reason(error)}") from None
    try:
        yield connection
    finally:
        connection.terminate()


async def _role(url: str) -> str:
    async with _connected(url) as connection:
        await check_server(connection)
        version = connection.get_server_version()
        return f"PostgreSQL {version.major}.{version.minor}, as {await connection.fetchval('select current_user')}"


async def _clock(url: str) -> str:
    async with _connected(url) as connection:
        if (wrong := complaint(await seconds_ahead(connection))) is not None:
            raise Unavailable(wrong)
    return "agrees with PostgreSQL's"


async def _schema(urls: Urls, contexts: Sequence[Context]) -> str:
    branches = await asyncio.to_thread(migrations.status, urls, contexts)
    if pending := [revision for branch in branches for revision in branch.pending]:
        raise ConfigurationError(f"pending: {', '.join(pending)}; run: api-base migrate up")
    await asyncio.to_thread(migrations.at_head, urls, contexts)
    return "every context is at its newest revision, and the tables are as declared"


async def _keys(settings: Settings) -> str:
    from api_base.infrastructure.auth.keys import load

    keys = load([key.get_secret_value() for key in settings.security.signing_keys], settings.security.key_dir)
    return f"{keys[0].kid} signs, {len(keys)} verify"


async def _answer(adapter: Probe) -> str:
    return f"{await adapter.check()} answers"
