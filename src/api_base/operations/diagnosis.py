"""What `api-base doctor` finds: the effective configuration, redacted, and how each configured service answers."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
from pydantic import BaseModel, SecretStr

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.core.errors import ApiBaseError
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.errors import connection_reason
from api_base.infrastructure.db.session import check_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str
    well: bool
    detail: str


def configuration_lines(settings: Settings) -> list[str]:
    """`VARIABLE=value`, secrets as asterisks."""
    return [f"{name.upper()}={value}" for name, value in _flat(settings, "")]


def _flat(model: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{name}__")
        else:
            yield prefix + name, value


async def diagnose(settings: Settings, urls: Urls, contexts: Sequence[Context]) -> list[Finding]:
    """Try each role of the database, and whether the schema is the newest, and every other service that is configured."""
    findings = [await _role(name, url) for name, url in (("owner", urls.owner), ("app", urls.app), ("worker", urls.worker))]
    if all(finding.well for finding in findings):
        findings.append(await asyncio.to_thread(_schema, urls, contexts))
    findings.append(_keys(settings))
    if settings.events.kafka:
        findings.append(await _kafka(settings))
    if settings.jobs.rabbitmq:
        findings.append(await _rabbitmq("jobs", settings.jobs.url, "JOBS__URL"))
    if settings.remote.url is not None:
        findings.append(await _rabbitmq("remote", settings.remote.url, "REMOTE__URL"))
    if urlsplit(settings.mail.url.get_secret_value()).scheme != "console":
        findings.append(await _mail(settings))
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


async def _kafka(settings: Settings) -> Finding:
    from api_base.bootstrap.adapters import kafka_connection

    try:
        connection = kafka_connection(settings.events.model_dump())
        await connection.check()
    except ApiBaseError as error:
        return Finding(what="events", well=False, detail=str(error))
    return Finding(what="events", well=True, detail=f"Kafka answers at {connection.brokers}")


async def _rabbitmq(what: str, url: SecretStr, variable: str) -> Finding:
    from api_base.bootstrap.adapters import rabbitmq_connection

    try:
        connection = rabbitmq_connection(url, variable, "doctor")
        detail = await connection.check()
        await connection.close()
    except ApiBaseError as error:
        return Finding(what=what, well=False, detail=str(error))
    return Finding(what=what, well=True, detail=f"{detail} answers")


async def _mail(settings: Settings) -> Finding:
    from api_base.infrastructure.mail.smtp import SmtpServer, close_quietly

    server = SmtpServer.parse(settings.mail.url.get_secret_value(), production=settings.environment == "production")
    try:
        await close_quietly(await server.connect(timeout=5))
    except ApiBaseError as error:
        return Finding(what="mail", well=False, detail=str(error))
    return Finding(what="mail", well=True, detail=f"{server.host}:{server.port} answers")
