"""The findings of `api-base doctor`: the effective configuration without secrets, and the state of each configured service."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg
from pydantic import BaseModel

from api_base.bootstrap import migrations
from api_base.bootstrap.container import Wiring
from api_base.bootstrap.context import Context
from api_base.bootstrap.selections import select
from api_base.core.config import Settings
from api_base.core.config.production import unencrypted_links
from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Probe
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.errors import connection_reason
from api_base.infrastructure.db.session import check_server


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
    """Check each role of the database, the schema, and every other configured service."""
    findings = [await _role(name, url) for name, url in (("owner", urls.owner), ("app", urls.app), ("worker", urls.worker))]
    if all(finding.well for finding in findings):
        findings.append(await asyncio.to_thread(_schema, urls, contexts))
    findings.append(_keys(settings))
    allowed = [name for name, _ in unencrypted_links(settings) if name in settings.security.allow_unencrypted]
    findings += [Finding(what=name, well=True, detail="is not encrypted; SECURITY__ALLOW_UNENCRYPTED allows it") for name in allowed]
    selections, _ = select(settings, [context.adapters for context in contexts])
    ports = Wiring(settings, selections, {}).adapter_ports
    for port, selection in selections.by_port().items():
        if selection.url is not None:
            adapter = selection.build(ports)
            if isinstance(adapter, Probe):
                findings.append(await _probed(port, adapter))
    return findings


async def _role(name: str, url: str) -> Finding:
    what = f"database, role {name}"
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        return Finding(what=what, well=False, detail=f"cannot connect: {connection_reason(error)}")
    try:
        await check_server(connection)
        version = connection.get_server_version()
        return Finding(
            what=what,
            well=True,
            detail=f"PostgreSQL {version.major}.{version.minor}, as {await connection.fetchval('select current_user')}",
        )
    except ApiBaseError as error:
        return Finding(what=what, well=False, detail=str(error))
    finally:
        connection.terminate()


def _schema(urls: Urls, contexts: Sequence[Context]) -> Finding:
    try:
        pending = [revision for branch in migrations.status(urls, contexts) for revision in branch.pending]
    except ApiBaseError as error:
        return Finding(what="schema", well=False, detail=str(error))
    detail = f"pending: {', '.join(pending)}; run: api-base migrate up" if pending else "every context is at its newest revision"
    return Finding(what="schema", well=not pending, detail=detail)


def _keys(settings: Settings) -> Finding:
    from api_base.infrastructure.auth.keys import load

    try:
        keys = load([key.get_secret_value() for key in settings.security.signing_keys], settings.security.key_dir)
    except ApiBaseError as error:
        return Finding(what="signing keys", well=False, detail=str(error))
    return Finding(what="signing keys", well=True, detail=f"{keys[0].kid} signs, {len(keys)} verify")


async def _probed(port: str, adapter: Probe) -> Finding:
    try:
        return Finding(what=port, well=True, detail=f"{await adapter.check()} answers")
    except ApiBaseError as error:
        return Finding(what=port, well=False, detail=str(error))
