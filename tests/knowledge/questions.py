"""Questions that visitors ask, change and withdraw, whose rows nobody else sees but members; and handlers that try more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Bus, Command, Query, Registration, on
from api_base.application.common.dto import dto_of
from api_base.application.common.listing import ListRequest, Page
from api_base.application.common.resources import ResourceDTO
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.crud import crud
from api_base.core.errors import NotFound
from api_base.core.protocols import Limit
from api_base.core.types import TenantId, UserId, readable_tenant, request_user
from api_base.domain.common.resource import RestorableResource
from api_base.domain.common.text import TextRule
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.resource_queries import ListOf
from api_base.infrastructure.db.resource_table import resource_table
from api_base.infrastructure.db.schema import DeclaredTable
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.db.unit_of_work import open_unit, savepoint
from api_base.interface.routes import Router
from api_base.interface.v1.bodies import Body

LIMITS: Final = (Limit(name="questions", quota=1000, window=60, burst=1000),)
WITHDRAWALS: Final = Limit(name="withdrawals", quota=60, window=60, burst=5)


@dataclass(slots=True, kw_only=True, eq=False)
class Question(RestorableResource):
    tenant_id: TenantId
    user_id: UserId
    number: int
    body: Annotated[str, TextRule(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDTO(ResourceDTO):
    number: int
    body: str


TABLE: Final = resource_table(Question, "questions", own="user_id", visitors_write=True)
QUESTIONS: Final = crud(Question, QuestionDTO, name="questions", filters=("number",), sorts=("number",), table=TABLE)
FIELDS: Final = QUESTIONS.routes_of.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class AskQuestion(Command[QuestionDTO]):
    permission = AUTHENTICATED
    public_of = "tenant"
    limits = LIMITS
    tenant: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawQuestion(Command[None]):
    permission = AUTHENTICATED
    public_of = "tenant"
    limits = (WITHDRAWALS,)
    tenant: str
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeQuestion(Command[None]):
    """A handler that writes a question in the name of `user`, in the tenant `of`."""

    permission = AUTHENTICATED
    public_of = "tenant"
    limits = LIMITS
    tenant: str
    of: UUID
    user: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """How many rows of each table a handler read, changed and deleted, without any condition; -1 where PostgreSQL refuses the statement."""

    rows: dict[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchEverything(Command[Touched]):
    permission = AUTHENTICATED
    public_of = "tenant"
    limits = LIMITS
    tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMyQuestions(Query[Page[QuestionDTO]]):
    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    request: ListRequest


class _Asking:
    def __init__(self, ports: Ports) -> None:
        self._questions = SqlRepository(ports.database, QUESTIONS.mapping, readable_tenant)
        self._ports = ports

    async def ask(self, body: str, tenant: UUID, user: UUID) -> QuestionDTO:
        question = Question.create(
            id=self._ports.ids.new(),
            now=self._ports.clock.now(),
            tenant_id=TenantId(tenant),
            user_id=UserId(user),
            number=await self._ports.sequences.next("question_no"),
            body=body,
        )
        return QUESTIONS.to_dto(await self._questions.create(question))


class AskQuestionHandler(_Asking):
    async def handle(self, command: AskQuestion) -> QuestionDTO:
        return await self.ask(command.body, readable_tenant(), request_user())


class ForgeQuestionHandler(_Asking):
    async def handle(self, command: ForgeQuestion) -> None:
        await self.ask("forged", command.of, command.user)


class WithdrawQuestionHandler(_Asking):
    async def handle(self, command: WithdrawQuestion) -> None:
        question = await self._questions.get(command.id)
        if question is None:
            raise NotFound("question", command.id)
        question.delete(self._ports.clock.now())
        await self._questions.update(question)


class TouchEverythingHandler:
    """Sends statements without an owner after a read, a number and a change have set what they need."""

    def __init__(self, ports: Ports, tables: Sequence[DeclaredTable]) -> None:
        self._database, self._sequences, self._tables = ports.database, ports.sequences, tuple(tables)
        self._all = Statement(sa.select(TABLE.c.id).where(owned(TABLE)))

    async def handle(self, command: TouchEverything) -> Touched:
        await self._sequences.next("question_no")
        rows = {}
        for table in self._tables:
            column = next(one.name for one in table.columns if not one.computed)
            statements = (f"select from {table.name}", f"update {table.name} set {column} = {column}", f"delete from {table.name}")
            counted = [await self._count(sql) for sql in statements]
            rows[table.name] = (counted[0], counted[1], counted[2])
        return Touched(rows=rows)

    async def _count(self, sql: str) -> int:
        await self._database.fetch(self._all, readable_tenant())

        async def send(connection: Connection) -> str:
            status: str = await connection.execute(sql)
            return status

        try:
            async with savepoint():
                return int((await open_unit().run(send)).rpartition(" ")[2])
        except asyncpg.InsufficientPrivilegeError:
            return -1


class QuestionBody(Body):
    body: Annotated[str, TextRule(max_length=200)]


def routes(bus: Bus) -> Router:
    router = Router(prefix="/pages/{tenant}/questions", tags=["pages"])

    @router.post("", status_code=201, summary="Ask a question")
    async def ask_question(tenant: str, body: QuestionBody) -> QuestionDTO:
        return await bus.execute(AskQuestion(tenant=tenant, body=body.body))

    return router


PLAIN: Final = QUESTIONS.context()


def asking_with(tables: Sequence[DeclaredTable]) -> Context:
    """The context of visitors who ask. `tables` are what its forgetful handler touches."""

    def handlers(ports: Ports) -> Sequence[Registration]:
        return [
            on(AskQuestion, AskQuestionHandler(ports)),
            on(ForgeQuestion, ForgeQuestionHandler(ports)),
            on(WithdrawQuestion, WithdrawQuestionHandler(ports)),
            on(TouchEverything, TouchEverythingHandler(ports, tables)),
            on(ListMyQuestions, ListOf(ports.database, QUESTIONS.mapping, dto_of(QuestionDTO), FIELDS)),
        ]

    return Context(name="asking", handlers=handlers, routes=routes)
