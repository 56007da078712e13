"""Parameters that a Router cannot pass, as changes of `shop`, each with what the check says."""

from typing import Final

from tests.unit.wiring.mistakes import Mistake

GET: Final = '@router.get("/{id}"'
PUT: Final = '@router.put("/{id}/title"'
APIROUTER: Final = "or use fastapi.APIRouter for this route."


def of_get(name: str, parameter: str, sentence: str, at: str = GET) -> Mistake:
    """A parameter `x` of a route with GET. A sentence that does not begin with another name follows that of the parameter."""
    sentence = sentence if sentence.startswith(("get_good", "The")) else f"The parameter 'x' of get_good {sentence}"
    return Mistake(name, "async def get_good(id: UUID)", f"async def get_good(id: UUID, {parameter})", at, sentence)


def of_put(name: str, parameters: str, sentence: str) -> Mistake:
    """Parameters of a route with PUT in place of its body."""
    return Mistake(name, "id: UUID, body: RenameBody)", f"id: UUID, {parameters})", PUT, sentence)


PARAMETERS: Final = (
    of_get(
        "a list without annotation",
        "x: list[int]",
        f"is a list. Write Annotated[…, Query()] for a value of the query that may be repeated, {APIROUTER}",
    ),
    of_get(
        "a model of the query",
        "x: Annotated[Sorting, fastapi.Query()]",
        f"is not one value of the query, or a list of such values. Declare each member as a parameter, {APIROUTER}",
    ),
    of_get(
        "a list of lists",
        "x: Annotated[list[list[int]], fastapi.Query()]",
        f"is not one value of the query, or a list of such values. Declare each member as a parameter, {APIROUTER}",
    ),
    of_get(
        "a list of headers", "x: Annotated[list[str], fastapi.Header()]", "is a list, but a header has one value. Write str, and split it."
    ),
    of_get(
        "a dictionary of cookies",
        "x: Annotated[dict[str, str], fastapi.Cookie()]",
        f"is not one value of the cookie. Declare each member as a parameter, {APIROUTER}",
    ),
    of_get(
        "a header that the base reads",
        'x: Annotated[str, fastapi.Header(alias="If-Match")]',
        "is the header if-match, which something else reads. Declare ExpectedVersion or OptionalVersion.",
    ),
    of_get(
        "a default in the annotation",
        "x: Annotated[int, fastapi.Query(3)]",
        "has its default in Query. Write = 3 after the annotation.",
    ),
    of_get(
        "an annotation as a default",
        "x: int = fastapi.Query(3)",
        "is declared by its default. Write x: Annotated[…, Query(…)].",
    ),
    of_get(
        "two annotations",
        "x: Annotated[int, fastapi.Query(), fastapi.Header()]",
        "has 2 of FastAPI's annotations. Write one.",
    ),
    of_get(
        "several aliases",
        'x: Annotated[int, fastapi.Query(validation_alias="y")]',
        "has a validation_alias. Write alias=…, with one name.",
    ),
    of_get(
        "a type of no text",
        "x: Database",
        "has a type that pydantic cannot read from text. Write one that it can, such as str, int or UUID.",
    ),
    of_get("parameters of any name", "**x: int", "has no value of its own. Declare each parameter by its name."),
    of_get(
        "a value of another path",
        "x: Annotated[int, fastapi.Path()]",
        "is no value of the path /api/v2/goods/{id}. Name it there, or remove Path.",
    ),
    of_get(
        "the response of FastAPI",
        "x: fastapi.Response",
        f"is the Response of FastAPI, which a Router does not pass. Return a DTO, or a ProtocolAnswer with its headers, {APIROUTER}",
    ),
    of_get(
        "background tasks",
        "x: fastapi.BackgroundTasks",
        f"is the BackgroundTasks of FastAPI, which a Router does not pass. Enqueue a job (docs/jobs.md), {APIROUTER}",
    ),
    of_get(
        "security scopes",
        "x: Annotated[str, fastapi.Security(repr)]",
        "get_good depends by Security, whose scopes nothing checks. Write Depends, and declare the permission of the message.",
    ),
    of_get(
        "a dependency that is not callable",
        "x: Annotated[int, Depends(3)]",
        "get_good depends on 3, which is not callable. Write Depends(function).",
    ),
    of_get(
        "a dependency that reads a body",
        "x: Annotated[int, Depends(rename)]",
        "The parameter 'text' of rename is a body. Take it in the function of the route.",
        "def rename(",
    ),
    of_get(
        "a form of GET",
        "x: Annotated[str, fastapi.Form()]",
        "get_good serves GET and reads a form with x. Serve POST, or take the value from the path or the query.",
    ),
    Mistake(
        "a value of the path from the query",
        "async def get_good(id: UUID)",
        "async def get_good(id: Annotated[UUID, fastapi.Query()])",
        GET,
        "The parameter 'id' of get_good is a value of the path /api/v2/goods/{id}, and not of Query. Remove the annotation, or rename it.",
    ),
    Mistake(
        "a default of a value of the path",
        "async def get_good(id: UUID)",
        "async def get_good(id: UUID | None = None)",
        GET,
        "The parameter 'id' of get_good has a default, but a path always has the value. Remove it.",
    ),
    Mistake(
        "a value beside the query of a list",
        "request: Annotated[ListRequest, Depends(ListQuery(FIELDS))])",
        "request: Annotated[ListRequest, Depends(ListQuery(FIELDS))], mine: bool = False)",
        '@router.get("", summary',
        "list_goods takes 'mine' from the query, of which ListQuery reads the whole. Declare it as a field of the list, or remove one.",
    ),
    Mistake(
        "a parameter that sparse fields have",
        'RouteOptions(versioned=True), summary="Get a good")\n    async def get_good(id: UUID)',
        'RouteOptions(versioned=True, sparse=True), summary="Get a good")\n    async def get_good(id: UUID, fields: str)',
        GET,
        "get_good takes 'fields' from the query, which is a parameter of sparse=True. Rename it, or remove sparse=True.",
    ),
    Mistake(
        "an option that a Router does not evaluate",
        'RouteOptions(versioned=True), summary="Get a good")',
        'RouteOptions(versioned=True), response_model_exclude={"title"})',
        GET,
        f"get_good has response_model_exclude=…, which a Router does not evaluate. Remove it, {APIROUTER}",
    ),
    of_put(
        "a dictionary of a form",
        "body: Annotated[dict[str, str], fastapi.Form()]",
        "The parameter 'body' of rename_good is not one value of the body, or a list of such values. "
        f"Declare each member as a parameter, {APIROUTER}",
    ),
    of_put(
        "a body and a form",
        "body: RenameBody, note: Annotated[str, fastapi.Form()]",
        "rename_good reads the body 'body' and a form with note. A request has one body: declare the members as fields of the form.",
    ),
    of_put(
        "a body that may be missing",
        "body: RenameBody | None = None",
        "The parameter 'body' of rename_good is a body that may be missing. Take RenameBody itself.",
    ),
    of_put(
        "a body by annotation",
        "body: Annotated[RenameBody, fastapi.Body()]",
        f"The parameter 'body' of rename_good is declared by Body. Take one pydantic model without it, {APIROUTER}",
    ),
    of_put(
        "a file as text",
        "body: Annotated[str, fastapi.File()]",
        "The parameter 'body' of rename_good is a file. Write UploadFile or bytes, or a list of them.",
    ),
    Mistake(
        "a stream of a file that is closed before",
        "id: UUID, body: RenameBody) -> None:",
        "id: UUID, body: fastapi.UploadFile) -> StreamAnswer:",
        PUT,
        "rename_good streams its answer, but the files of its form are closed before it is sent. Read what the answer needs first, and return a "
        "ProtocolAnswer or a DTO.",
    ),
)
