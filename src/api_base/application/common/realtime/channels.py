"""What contexts declare: channels, and which events go to them.

Every event of a context that declares channels is a `PublicEvent` or `Unpublished`. What contradicts the events, messages or permissions of the
application is found at start.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Message
from api_base.application.common.realtime.journal import ChannelKey
from api_base.core.errors import Fault, Invalid, NotFound, WiringError
from api_base.core.shared.places import Declaration
from api_base.core.types import NO_TENANT, RequestContext

TENANT: Final = "tenant"
USER: Final = "user"
MAX_NAME_LENGTH: Final = 100
_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,39}").fullmatch
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Declaration):
    """The channels `<kind>/<id>`, of the tenant. A caller may subscribe if the message that `read` returns for the id succeeds for the caller.

    `message` is the type of that message.
    """

    kind: str
    message: type[Message[object]]
    read: Callable[[UUID], Message[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEvent(Declaration):
    """Where an event goes, and which of its fields clients receive.

    `to` maps a kind of channel to the field of the event that holds the id; `user` is the channel of the user with that id. With a `permission`
    the event also goes to the channel `tenant`, for the members who hold it.
    """

    event: str
    fields: Sequence[str]
    to: Mapping[str, str] = field(default_factory=dict)
    permission: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpublished(Declaration):
    """An event that no client receives, and why."""

    event: str
    reason: str


type ChannelDeclaration = Channel | PublicEvent | Unpublished


def _fault(part: ChannelDeclaration, problem: str) -> Fault:
    return Fault(part.declared_at, f"Context.channels: {problem}")


class Channels:
    """The channels of all contexts."""

    def __init__(self) -> None:
        self.kinds: dict[str, Channel] = {}
        self.rules: dict[str, PublicEvent] = {}

    def add(
        self,
        declared: Mapping[str, Sequence[ChannelDeclaration]],
        events: Mapping[str, Mapping[str, Sequence[str]]],
        handled: Callable[[type[Message[object]]], bool],
        permissions: Iterable[str],
    ) -> None:
        """Add the declarations of contexts, by name. `events` are the fields of each event of a context, by name.

        Raises `WiringError` with every contradiction.
        """
        faults = [fault for context, parts in declared.items() for fault in self._added(context, parts, events.get(context, {}), handled)]
        known = set(permissions)
        for rule in self.rules.values():
            faults += [
                _fault(rule, f"{rule.event} goes to the channel kind {kind!r}, which no context declares.")
                for kind in rule.to
                if kind not in {*self.kinds, USER}
            ]
            if rule.permission is not None and rule.permission not in known:
                faults.append(_fault(rule, f"{rule.event} names the permission {rule.permission!r}, which no context declares."))
        if faults:
            raise WiringError(faults)

    def _added(
        self,
        context: str,
        parts: Sequence[ChannelDeclaration],
        events: Mapping[str, Sequence[str]],
        handled: Callable[[type[Message[object]]], bool],
    ) -> Iterable[Fault]:
        decided: set[str] = set()
        for part in parts:
            if isinstance(part, Channel):
                yield from self._channel(part, handled)
                continue
            if part.event in decided or part.event in self.rules:
                yield _fault(part, f"{part.event} is declared twice. Remove one of the declarations.")
            decided.add(part.event)
            if part.event not in events:
                yield _fault(
                    part, f"{part.event} is not an event of the context {context!r}: correct the name, or add its class to `events`."
                )
            elif isinstance(part, PublicEvent):
                unknown = [name for name in (*part.fields, *part.to.values()) if name not in events[part.event]]
                yield from (_fault(part, f"{part.event} has no field {name!r}.") for name in unknown)
            if isinstance(part, PublicEvent):
                if not part.to and part.permission is None:
                    yield _fault(part, f"{part.event} goes to no channel: declare `to`, a `permission`, or `Unpublished`.")
                self.rules[part.event] = part
        if parts:
            forgotten = sorted(events.keys() - decided)
            yield from (
                _fault(parts[0], f"{event} has no declaration: add a PublicEvent, or Unpublished with the reason.") for event in forgotten
            )

    def _channel(self, channel: Channel, handled: Callable[[type[Message[object]]], bool]) -> Iterable[Fault]:
        if not _KIND(channel.kind) or channel.kind in (TENANT, USER):
            yield _fault(channel, f"the kind {channel.kind!r} must be lower-case letters, digits and _, and neither tenant nor user.")
        if channel.kind in self.kinds:
            yield _fault(channel, f"two channels have the kind {channel.kind!r}. Rename one of them.")
        if not handled(channel.message):
            yield _fault(channel, f"the channel {channel.kind!r} names the message {channel.message.__name__}, which has no handler.")
        self.kinds[channel.kind] = channel

    def resolve(self, name: str, context: RequestContext) -> tuple[ChannelKey, Message[object] | None]:
        """Return the key of a channel for the caller, and the message that the caller must be able to execute.

        Raises `Invalid` for a name that is none, `NotFound` for a channel that no context declares and for `tenant` without a tenant.
        """
        principal = context.principal
        assert principal is not None  # sessions are those of authenticated callers
        if name == USER:
            return ChannelKey(True, principal.user_id, USER), None
        if name == TENANT:
            if principal.tenant_id is None:
                raise NotFound("channel", name)
            return ChannelKey(False, principal.tenant_id, TENANT), None
        kind, slash, id = name.partition("/")
        if len(name) > MAX_NAME_LENGTH or not _KIND(kind) or (slash and not _ID(id)):
            raise Invalid.of("/channel", "channel", "must be the name of a channel: tenant, user, or <kind>/<id>")
        channel = self.kinds.get(kind)
        if channel is None or not slash:
            raise NotFound("channel", name)
        return ChannelKey(False, principal.tenant_id or NO_TENANT, name), channel.read(UUID(id))
