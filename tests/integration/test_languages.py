"""Problems in the language that the client prefers, wherever a client meets them."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio

from api_base.application.common.cqrs import Bus
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import Conflict
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.routes import RouteOptions, Router
from tests.application import Person, Running, running, settings_on
from tests.integration.mcp_client import mcp

pytestmark = pytest.mark.asyncio(loop_scope="module")
PT: Final = {"accept-language": "pt-BR, en;q=0.5"}
ITEM: Final = {"name": "Chair", "category": "furniture"}


class DeskTaken(Conflict):
    def __init__(self, number: int) -> None:
        super().__init__(f"The desk {number} is taken. Choose another one.")


def routes(bus: Bus) -> Router:
    del bus
    router = Router(prefix="/desks", tags=["desk"])

    @router.get("/{number}", RouteOptions(auth="optional"), summary="Take a desk")
    async def take(number: int) -> dict[str, str]:
        raise DeskTaken(number)

    return router


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("sentences")
    sentence = '[sentences]\n"The desk {number} is taken. Choose another one." = "A mesa {number} está ocupada. Escolha outra."\n'
    (folder / "pt.toml").write_text(sentence, encoding="utf-8")
    async with running(settings_on(shared_migrated), [*BUILT_IN, Context(name="desk", routes=routes, sentences=folder)]) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def person(api: Running) -> Person:
    return await api.person()


@pytest.mark.parametrize(
    ("method", "path", "sent", "title", "detail"),
    [
        ("GET", "/nothing", {}, "Nenhuma rota tem este caminho", "Nenhuma rota tem este caminho. As rotas estão listadas em /openapi.json."),
        ("PUT", "/api/v2/items", {}, "O método não é permitido", "O caminho não suporta este método. Métodos permitidos: GET, HEAD, OPTIONS, POST, QUERY."),
        ("GET", "/api/v2/items", {}, "É necessário autenticar-se", "A operação exige autenticação. Envie um token de acesso."),
        ("POST", "/api/v2/auth/login", {"content": b"{", "headers": {"content-type": "application/json"}}, "O corpo não pode ser interpretado", "O corpo não é JSON: o texto termina cedo demais na linha 1, coluna 1."),
        ("POST", "/api/v2/auth/login", {"json": {"email": 1}}, "A requisição é inválida", "/body/email: deve ser uma string; /body/password: é obrigatório"),
        ("GET", "/api/v2/desks/7", {}, "O estado do recurso não permite a operação", "A mesa 7 está ocupada. Escolha outra."),
    ],
)  # fmt: skip
async def test_a_refusal_is_in_the_preferred_language(
    api: Running, method: str, path: str, sent: dict[str, Any], title: str, detail: str
) -> None:
    answer = await api.client.request(method, path, **{**sent, "headers": {**sent.get("headers", {}), **PT}})
    assert (answer.json()["title"], answer.json()["detail"]) == (title, detail)
    assert answer.headers["content-language"] == "pt"


async def test_without_a_preference_it_is_english_and_says_nothing_of_languages(api: Running) -> None:
    answer = await api.client.get("/api/v2/desks/7")
    assert answer.json()["detail"] == "The desk 7 is taken. Choose another one."
    assert "content-language" not in answer.headers


async def test_an_answer_that_is_no_problem_has_no_language(api: Running, person: Person) -> None:
    answer = await api.client.get("/api/v2/items", headers={**person.headers, **PT})
    assert answer.status_code == 200
    assert "content-language" not in answer.headers


async def test_a_kept_refusal_is_told_in_the_language_of_each_request(api: Running, person: Person) -> None:
    sku, key = uuid4().hex, {"Idempotency-Key": uuid4().hex}
    await api.client.post("/api/v2/items", json={**ITEM, "sku": sku}, headers=person.headers)
    told = [
        (await api.client.post("/api/v2/items", json={**ITEM, "sku": sku}, headers={**person.headers, **key, **language})).json()
        for language in (PT, {}, PT)
    ]
    assert [one["title"] for one in told] == [
        "O estado do recurso não permite a operação",
        "The state of the resource does not allow the operation",
        "O estado do recurso não permite a operação",
    ]
    assert told[0]["detail"] == told[2]["detail"]
    assert f"'{sku}'" in told[0]["detail"]


async def test_problems_within_a_batch_are_in_it_too(api: Running, person: Person) -> None:
    operations = [{"action": "delete", "id": str(uuid4())}, {"action": "create", "item": {**ITEM, "sku": uuid4().hex}}]
    answer = await api.client.post(
        "/api/v2/items/batch", json={"mode": "independent", "operations": operations}, headers={**person.headers, **PT}
    )
    assert answer.status_code == 200, answer.text
    refused, created = answer.json()["results"]
    assert created["status"] == 201
    assert refused["problem"]["title"] == "Não encontrado"
    assert refused["problem"]["detail"] == f"Não existe item com id {operations[0]['id']}."


async def test_refusals_of_uploads_are_in_it_too(api: Running, person: Person) -> None:
    headers = {**person.headers, **PT, "Tus-Resumable": "0.2.0", "Upload-Length": "3"}
    answer = await api.client.post("/api/v2/files/uploads", headers=headers)
    assert answer.status_code == 412
    assert answer.json()["detail"] == "Este servidor fala tus 1.0.0: envie Tus-Resumable: 1.0.0."
    assert answer.headers["content-language"] == "pt"


async def test_problems_of_graphql_are_in_it_too(api: Running, person: Person) -> None:
    document = 'mutation { createItem(input: {sku: "", name: "Chair", category: "x"}) { item { id } } }'
    answer = await api.client.post("/graphql", json={"query": document}, headers={**person.headers, **PT})
    (error,) = answer.json()["errors"]
    assert error["extensions"]["title"] == "A requisição é inválida"
    assert [one["message"] for one in error["extensions"]["errors"]] == ["não pode estar vazio"]


async def test_problems_of_mcp_are_in_it_too(api: Running, person: Person) -> None:
    client = await mcp(api, person)
    body, headers = client.message("tools/call", {"name": "get_item", "arguments": {"id": str(uuid4())}})
    answer = await client.post(body, **headers, **{"Accept-Language": "pt"})
    problem = answer.json()["result"]["structuredContent"]
    assert problem["title"] == "Não encontrado"
