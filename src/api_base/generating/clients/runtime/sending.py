"""The clients, without and with asyncio: they send a call until its outcome is final, and read the pages of lists."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, ClassVar, Self, cast

import httpx2

from api_base.generating.clients.runtime.answers import Answer, Problem
from api_base.generating.clients.runtime.requests import Call, Retries, Transport, next_cursor


class SyncClient:
    """Sends the requests of one thread after another. `token` is an access token, or a function that returns a valid one. `timeout` is in seconds, of each
    connection, write and read. `headers` are those of every request, `http` is for tests and proxies."""

    problems: ClassVar[Mapping[str, type[Problem]]] = {}

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], str] | None = None,
        language: str | None = None,
        timeout: float = 30.0,
        retries: Retries = Retries(),
        headers: Mapping[str, str] | None = None,
        http: httpx2.Client | None = None,
    ) -> None:
        self.token = token
        self._transport = Transport(url, language, retries, self.problems, headers)
        self._http, self._own = (httpx2.Client(timeout=timeout), True) if http is None else (http, False)
        self._sleep: Callable[[float], None] = time.sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, but not those of an `http` that was given."""
        if self._own:
            self._http.close()

    def send(self, call: Call) -> Answer[Any]:
        """Send a call until its outcome is final. Raises `Problem`, `NotModified` and `Unanswered`."""
        request = self._transport.request(self._http, call)
        attempt = 0
        while True:
            attempt += 1
            token = self.token() if callable(self.token) else self.token
            if token is not None:
                request.headers["authorization"] = f"Bearer {token}"
            try:
                response = self._http.send(request, follow_redirects=False)
            except httpx2.RequestError as error:
                pause = self._transport.unanswered(call, error, attempt)
            else:
                answer, pause = self._transport.answered(call, response, attempt)
                if answer is not None:
                    return answer
            self._sleep(pause)

    def elements(self, call: Call) -> Iterator[Any]:
        """Yield the elements of all pages of a list, one request after another."""
        while True:
            page = self.send(call).body
            yield from page["items"]
            if (cursor := next_cursor(page, call)) is None:
                return
            call.query = {**call.query, "cursor": cursor}


class AsyncioClient:
    """Sends requests of asyncio. `token` is an access token, or a function that returns a valid one. `timeout` is in seconds, of each
    connection, write and read. `headers` are those of every request, `http` is for tests and proxies."""

    problems: ClassVar[Mapping[str, type[Problem]]] = {}

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], Awaitable[str]] | None = None,
        language: str | None = None,
        timeout: float = 30.0,
        retries: Retries = Retries(),
        headers: Mapping[str, str] | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self.token = token
        self._transport = Transport(url, language, retries, self.problems, headers)
        self._http, self._own = (httpx2.AsyncClient(timeout=timeout), True) if http is None else (http, False)
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, but not those of an `http` that was given."""
        if self._own:
            await self._http.aclose()

    async def send(self, call: Call) -> Answer[Any]:
        """Send a call until its outcome is final. Raises `Problem`, `NotModified` and `Unanswered`."""
        request = self._transport.request(self._http, call)
        attempt = 0
        while True:
            attempt += 1
            token = await self.token() if callable(self.token) else self.token
            if token is not None:
                request.headers["authorization"] = f"Bearer {token}"
            try:
                response = await self._http.send(request, follow_redirects=False)
            except httpx2.RequestError as error:
                pause = self._transport.unanswered(call, error, attempt)
            else:
                answer, pause = self._transport.answered(call, response, attempt)
                if answer is not None:
                    return answer
            await self._sleep(pause)

    async def elements(self, call: Call) -> AsyncIterator[Any]:
        """Yield the elements of all pages of a list, one request after another."""
        while True:
            page = cast("dict[str, Any]", (await self.send(call)).body)
            for element in page["items"]:
                yield element
            if (cursor := next_cursor(page, call)) is None:
                return
            call.query = {**call.query, "cursor": cursor}
