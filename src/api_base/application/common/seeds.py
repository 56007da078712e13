"""Seeds: what a context sends once, so that a database does not begin empty.

A step is stored in the transaction of its command, as the result of a request with an Idempotency-Key, but for ever. So a seed that was interrupted, or
has got more steps, is completed by the next run, and a complete one changes nothing.
"""

from types import NoneType
from typing import Final

from api_base.application.common.cqrs import Bus, Command, Message, answer_of
from api_base.core.errors import Conflict, ProgrammingError, RequestInProgress, Unauthenticated
from api_base.core.protocols import Isolation
from api_base.core.types import KeyedExecution, KeyedRequest, current_context
from api_base.core.types.idempotency_keys import key_digest

_SEED: Final = "seed "


class Seeds:
    """Sends the messages of the seed of `context`, as the user and in the tenant of `api-base seed`, with the permissions of that user.

    `sent` and `stored` count the steps that were sent now, and those that had been sent before. `step` is the one that is sent now, or was refused.
    """

    def __init__(self, bus: Bus, context: str) -> None:
        self._bus, self._context = bus, context
        self._steps: set[str] = set()
        self.step, self.sent, self.stored = "", 0, 0

    async def once[T](self, step: str, command: Command[T]) -> T:
        """Send `command`, unless this user has sent this `step` in this tenant before. Returns its result: the one of that time, if it was sent before.

        Raises `ProgrammingError` for a second step of that name, and for a command whose result cannot be stored; `Unauthenticated` without a user;
        `Conflict` while another process sends the step; and the errors of `command`.
        """
        name = type(command).__name__
        if step in self._steps:
            raise ProgrammingError(f"The seed of {self._context!r} has two steps {step!r}. Give each its own name.")
        if command.isolation is Isolation.NONE and answer_of(type(command)) is not NoneType:
            raise ProgrammingError(f"{name} commits before it has a result to store. Look whether it is needed, then send it by `execute`.")
        self._steps.add(step)
        self.step = step
        context = current_context.get()
        if context.principal is None:
            raise Unauthenticated
        request = KeyedRequest(
            tenant_id=context.principal.tenant_id,
            user_id=context.principal.user_id,
            route=f"{_SEED}{self._context}",
            key=key_digest(step.encode()),
            fingerprint=key_digest(_SEED.encode()),  # the step says what it is, so that its data may change later
            permanent=True,
        )
        execution = KeyedExecution(request=request)
        before = current_context.set(context._replace(origin=execution))
        try:
            result = await self._bus.execute(command)
        except RequestInProgress:
            raise Conflict(f"Another `api-base seed` sends {step!r} now. Run it again when the other one has ended.") from None
        finally:
            current_context.reset(before)
        self.stored += execution.replayed
        self.sent += not execution.replayed
        self.step = ""
        return result

    async def execute[T](self, message: Message[T]) -> T:
        """Send `message` at every run: a query, or a command that changes nothing the second time."""
        return await self._bus.execute(message)
