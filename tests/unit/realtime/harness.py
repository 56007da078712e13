"""A hub in memory, whose callers' principals a test sets."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from api_base.application.common.cqrs import AUTHENTICATED, Message, Query
from api_base.application.common.realtime import Channel, ChannelKey, Channels, Realtime, RealtimeLimits, RealtimeSession
from api_base.core.errors import NotFound, Unauthenticated
from api_base.core.protocols import TokenClaims
from api_base.core.types import Principal, RequestContext, SessionId, TenantId, UserId, current_context
from tests.unit.realtime.memory_journal import MemoryJournal, MemoryPresence, Recording

LIMITS = RealtimeLimits(channels=50, recovered=1000, sessions=5000, sessions_per_user=20, sessions_per_address=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetThing(Query[None]):
    permission = AUTHENTICATED
    id: UUID


def principal(tenant: UUID | None = None, *permissions: str, user: UUID | None = None) -> Principal:
    return Principal(
        user_id=UserId(user or uuid4()),
        session_id=SessionId(uuid4()),
        tenant_id=None if tenant is None else TenantId(tenant),
        role="member",
        platform_admin=False,
        permissions=frozenset(permissions),
    )


@dataclass
class World:
    """`things` are the ids that each tenant may read; `ended` are sessions that are revoked. While `answering` is clear, no message is answered; with `failure`, none is either."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)
    presence: MemoryPresence = field(default_factory=MemoryPresence)
    limits: RealtimeLimits = LIMITS
    things: dict[UUID, UUID] = field(default_factory=dict)
    ended: set[UUID] = field(default_factory=set)
    roles: dict[UUID, frozenset[str]] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    delivered: list[float] = field(default_factory=list)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self.answering.set()
        channels = Channels()
        channels.kinds["things"] = Channel(kind="things", message=GetThing, read=lambda thing: GetThing(id=thing))
        self.hub = self.another_process(channels)

    def another_process(self, channels: Channels) -> Realtime:
        self.channels = channels
        return Realtime(
            channels, self.journal, self.presence, self.execute, self, self.limits, self.gauges.__setitem__, self.delivered.append
        )

    async def execute(self, message: Message[object]) -> object:
        assert isinstance(message, GetThing)
        await self.answering.wait()
        if self.failure is not None:
            raise self.failure
        if self.things.get(message.id) != current_context.get().tenant_id:
            raise NotFound("thing", message.id)
        return None

    async def principal(self, claims: TokenClaims) -> Principal:
        if claims.session_id in self.ended:
            raise Unauthenticated("The session of this token has ended.")
        return replace(
            self.open_as[claims.session_id], permissions=self.roles.get(claims.session_id, self.open_as[claims.session_id].permissions)
        )

    open_as: dict[UUID, Principal] = field(default_factory=dict)

    def connect(
        self, who: Principal, *, expires_in: float = 3600.0, hub: Realtime | None = None, address: str = "192.0.2.1"
    ) -> tuple[RealtimeSession, Recording]:
        receiver = Recording()
        assert who.session_id is not None
        self.open_as[who.session_id] = who
        context = RequestContext(request_id="test", principal=who, address=address)
        session = (hub or self.hub).open(context, time.time() + expires_in, receiver, receiver.ended_because.append)
        return session, receiver


def tenant_key(tenant: UUID, name: str = "tenant") -> ChannelKey:
    return ChannelKey(False, tenant, name)
