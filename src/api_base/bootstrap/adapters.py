"""The adapters of each port, by the scheme of the URL that selects them.

Validation, the container, `api-base doctor` and docs/adapters.md derive from these mappings. A context adds its own by `Context.adapters`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.cache import factory as cache
from api_base.infrastructure.db import sources as db
from api_base.infrastructure.elasticsearch import factory as elasticsearch
from api_base.infrastructure.events import factory as events
from api_base.infrastructure.kafka import factory as kafka
from api_base.infrastructure.locks import factory as locks
from api_base.infrastructure.mail import factory as mail
from api_base.infrastructure.minio import factory as minio
from api_base.infrastructure.rate_limit import factory as rate_limit
from api_base.infrastructure.realtime import factory as realtime
from api_base.infrastructure.remote import factory as remote
from api_base.infrastructure.scanner import factory as scanner
from api_base.infrastructure.search import factory as search
from api_base.infrastructure.storage import factory as storage
from api_base.infrastructure.tasks import factory as tasks

if TYPE_CHECKING:
    from api_base.application.common.events import EventTransport
    from api_base.application.common.remote import RemoteTransport
    from api_base.core.config import Settings
    from api_base.core.protocols import Caches, Mailer, ObjectStorage, RateLimiter, Scanner, SearchIndex
    from api_base.infrastructure.adapter_ports import AdapterPorts
    from api_base.infrastructure.locks.leadership import Leadership
    from api_base.infrastructure.realtime.signals import Signals
    from api_base.infrastructure.tasks.backend import JobBackend

type Schemes[T] = Mapping[str, Adapter[AdapterPorts, T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """Adapters by port and scheme."""

    cache: "Schemes[Caches]" = field(default_factory=dict)
    mail: "Schemes[Mailer]" = field(default_factory=dict)
    events: "Schemes[EventTransport]" = field(default_factory=dict)
    jobs: "Schemes[JobBackend]" = field(default_factory=dict)
    locks: "Schemes[Leadership]" = field(default_factory=dict)
    rate_limit: "Schemes[RateLimiter]" = field(default_factory=dict)
    realtime: "Schemes[Signals]" = field(default_factory=dict)
    remote: "Schemes[RemoteTransport]" = field(default_factory=dict)
    scanner: "Schemes[Scanner]" = field(default_factory=dict)
    storage: "Schemes[ObjectStorage]" = field(default_factory=dict)
    search: "Schemes[SearchIndex]" = field(default_factory=dict)


DATABASE: "Final[Mapping[str, Adapter[Settings, db.Source]]]" = {
    "embedded": db.EMBEDDED,
    "postgresql": db.POSTGRESQL,
    "postgres": db.POSTGRESQL,
}
BUILT_IN: Final = Adapters(
    cache={"memory": cache.MEMORY, **cache.REDIS, **cache.TIERED},
    mail={"console": mail.CONSOLE, "smtp": mail.SMTP, "smtps": mail.SMTPS},
    events={"database": events.DATABASE, "kafka": kafka.KAFKA, "kafka+ssl": kafka.KAFKA_TLS},
    jobs={"database": tasks.DATABASE, "amqp": tasks.RABBITMQ, "amqps": tasks.RABBITMQ_TLS},
    locks={"database": locks.DATABASE, **locks.REDIS},
    rate_limit={"memory": rate_limit.MEMORY, **rate_limit.REDIS},
    realtime={"database": realtime.DATABASE, **realtime.REDIS},
    remote={"amqp": remote.RABBITMQ, "amqps": remote.RABBITMQ_TLS},
    scanner={"none": scanner.NONE, "clamav": scanner.CLAMAV},
    storage={"file": storage.LOCAL, "s3": minio.S3},
    search={"database": search.DATABASE, **elasticsearch.SERVERS},
)
