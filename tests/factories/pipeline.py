"""Ports of the pipeline, for tests that are about something else."""

from collections.abc import Awaitable, Callable
from typing import Any

from api_base.core.protocols import StoredResult
from api_base.core.types import KeyedRequest, RunningJob


class NoKeys:
    """An `IdempotencyStore` for a pipeline without keyed requests."""

    async def lock(self, request: KeyedRequest) -> None:
        raise AssertionError("no request has a key here")

    async def find(self, request: KeyedRequest, answer: Any) -> StoredResult[Any] | None:
        raise AssertionError("no request has a key here")

    async def keep[T](self, request: KeyedRequest, result: T, answer: Any) -> T:
        raise AssertionError("no request has a key here")


class NoJobs:
    """A `JobCompletion` for a pipeline that runs no job."""

    def settle(self, job: RunningJob, result: object) -> bool:
        raise AssertionError("no job runs here")


class ActionList:
    """An `AfterResponse` that keeps the actions: `run` is the moment after the response."""

    def __init__(self) -> None:
        self.actions: list[Callable[[], Awaitable[None]]] = []

    def call(self, action: Callable[[], Awaitable[None]]) -> None:
        self.actions.append(action)

    async def run(self) -> None:
        actions, self.actions = self.actions, []
        for action in actions:
            await action()
