"""The tools that the conformance suite calls by name, as a context outside the base declares them. What the suite describes as content other
than text, or as a question to the client, has no form here: tests/e2e/mcp_conformance.py lists it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from api_base.application.common.cqrs import AUTHENTICATED, Command, Query, Registration, on
from api_base.application.common.jobs import Job
from api_base.bootstrap.context import Context, Ports
from api_base.core.errors import RuleViolated
from api_base.core.protocols import Isolation, JobQueue
from api_base.interface.mcp import Tool
from api_base.interface.v1.bodies import Body


class AlwaysRefused(RuleViolated):
    """The tool intentionally returns an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Query[str]):
    permission: ClassVar[str] = AUTHENTICATED


class TestSimpleText(Text):
    __slots__ = ()


class TestLoggingTool(Text):
    __slots__ = ()


class TestStreamingElicitation(Text):
    __slots__ = ()


class TestErrorHandling(Text):
    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Greet(Query[str]):
    permission: ClassVar[str] = AUTHENTICATED
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCustomHeaders(Query[str]):
    """A client repeats `region` in a header, so that a proxy can route by it."""

    permission: ClassVar[str] = AUTHENTICATED
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]


class address(Body):
    """In JSON Schema, other schemas may refer to it by its anchor."""

    model_config = ConfigDict(json_schema_extra={"$anchor": "addressDef"})
    street: str | None = None
    city: str | None = None


Address = address
"""Under the name that the suite looks for."""


class Contact(Body):
    """Rules between members are part of the schema, and of the validation."""

    model_config = ConfigDict(
        json_schema_extra={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
            "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
            "then": {"required": ["phone"]},
            "else": {"required": ["email"]},
        }
    )
    name: str | None = None
    address: Address | None = None
    contactMethod: Literal["phone", "email"] | None = None
    phone: str | None = None
    email: str | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if (self.phone if self.contactMethod == "phone" else self.email) is None:
            raise ValueError("needs the phone or the email that contactMethod names")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class json_schema_2020_12_tool(Query[str]):
    permission: ClassVar[str] = AUTHENTICATED
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    job_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowCompute(Command[Started]):
    permission: ClassVar[str] = AUTHENTICATED
    seconds: int
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmDelete(Command[Started]):
    permission: ClassVar[str] = AUTHENTICATED
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingJob(Command[Started]):
    permission: ClassVar[str] = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolErrorJob(Command[Started]):
    permission: ClassVar[str] = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute(Command[str]):
    """The job: after `seconds` it succeeds, is refused, or crashes."""

    permission: ClassVar[str] = AUTHENTICATED
    isolation: ClassVar[Isolation] = Isolation.NONE
    seconds: int = 0
    end: Literal["succeed", "refuse", "crash"] = "succeed"


class ComputeHandler:
    async def handle(self, command: Compute) -> str:
        await asyncio.sleep(command.seconds)
        if command.end == "refuse":
            raise AlwaysRefused("The job intentionally fails.")
        if command.end == "crash":
            raise RuntimeError("The job intentionally crashes.")
        return f"Computed for {command.seconds} s."


class StartHandler:
    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    async def handle(self, command: SlowCompute | ConfirmDelete | FailingJob | ProtocolErrorJob) -> Started:
        match command:
            case SlowCompute():
                job = Compute(seconds=command.seconds)
            case FailingJob():
                job = Compute(end="refuse")
            case ProtocolErrorJob():
                job = Compute(end="crash")
            case _:
                job = Compute()
        return Started(job_id=await self._jobs.enqueue(job))


class TextHandler:
    async def handle(self, query: Text | Greet | TestCustomHeaders | json_schema_2020_12_tool) -> str:
        match query:
            case TestErrorHandling():
                raise AlwaysRefused("This tool intentionally returns an error for testing")
            case Greet():
                return f"Hello, {query.name}!"
            case TestCustomHeaders():
                return query.region
            case _:
                return "This is a simple text response for testing."


_TEXTS = (TestSimpleText, TestLoggingTool, TestStreamingElicitation, TestErrorHandling, Greet, TestCustomHeaders)
_STARTS = (SlowCompute, ConfirmDelete, FailingJob, ProtocolErrorJob)


def _handlers(ports: Ports) -> Sequence[Registration]:
    text, start = TextHandler(), StartHandler(ports.jobs)
    return [
        *(on(message, text) for message in (*_TEXTS, json_schema_2020_12_tool)),
        *(on(message, start) for message in _STARTS),
        on(Compute, ComputeHandler()),
    ]


CONFORMANCE = Context(
    name="conformance",
    handlers=_handlers,
    jobs=(Job(name="conformance.compute", message=Compute, attempts=1, timeout=120.0),),
    mcp=(
        *(Tool(message=message, description=f"{message.__name__} of the conformance suite.") for message in _TEXTS),
        *(
            Tool(message=message, description=f"{message.__name__} of the conformance suite.", job=lambda started: started.job_id)
            for message in _STARTS
        ),
        Tool(
            message=json_schema_2020_12_tool,
            description="A tool with keywords of JSON Schema 2020-12.",
            body=Contact,
            fields=lambda body: {"name": body.name},
        ),
    ),
)
