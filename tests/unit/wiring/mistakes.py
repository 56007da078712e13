"""Mistakes that an author of a context can make, as changes of `shop`, each with what the check says."""

from dataclasses import dataclass
from typing import Final

READS: Final = "admin, member, owner, platform_admin, viewer"


@dataclass(frozen=True, slots=True)
class Mistake:
    """`old` becomes `new`; the fault is at the line that then contains `at`, and says `sentence`. `«…»` in it is the place of another line."""

    name: str
    old: str
    new: str
    at: str
    sentence: str
    file: str = "__init__.py"


CONTEXT: Final = "SHOP = Context("

MESSAGES: Final = (
    Mistake(
        "a message without handler",
        "        on(Recount, RecountHandler()),\n",
        "",
        "class Recount(",
        "Recount has no handler. To the handlers of the context 'shop', RecountHandler takes it: add on(Recount, RecountHandler(…)); "
        "or remove the message.",
    ),
    Mistake(
        "a handler without message",
        "on(Recount, RecountHandler())",
        "on(Recount.permission, RecountHandler())",
        "on(Recount.permission",
        "str is not a message. Derive the class from Command[T] or Query[T].\n«jobs=(Job»: The job 'shop.recount' cannot run: "
        "Recount has no handler. Add on(Recount, …).",
    ),
    Mistake(
        "a handler class",
        "GetGoodHandler(goods)),",
        "GetGoodHandler),",
        "on(GetGood, ",
        "GetGoodHandler is registered as a class. Pass an instance: on(GetGood, GetGoodHandler(…)).",
    ),
    Mistake(
        "a synchronous handle",
        "async def handle(self, command: Recount)",
        "def handle(self, command: Recount)",
        "def handle(self, command: Recount)",
        "RecountHandler.handle is not a coroutine function. Write async def handle.",
    ),
    Mistake(
        "a handler of another message",
        "on(Recount, RecountHandler())",
        "on(Recount, RenameGoodHandler(goods))",
        "async def handle(self, command: RenameGood)",
        "RenameGoodHandler.handle takes RenameGood, but is registered for Recount at «on(Recount, ». "
        "Register it with on(RenameGood, …), or take a Recount.",
    ),
    Mistake(
        "a handler without handle",
        "async def handle(self, command: Recount)",
        "async def execute(self, command: Recount)",
        "on(Recount, ",
        "RecountHandler has no method `handle`. Write async def handle(self, message: Recount).",
    ),
    Mistake(
        "a handle of two arguments",
        "async def handle(self, command: Recount)",
        "async def handle(self, command: Recount, ports: Ports)",
        "async def handle(self, command: Recount, ",
        "RecountHandler.handle does not take one message. Write async def handle(self, message: Recount).",
    ),
    Mistake(
        "a handler of another result",
        "async def handle(self, query: GetGood) -> GoodDTO:",
        "async def handle(self, query: GetGood) -> Good:",
        "async def handle(self, query: GetGood)",
        "GetGoodHandler.handle returns Good, but GetGood declares GoodDTO. Let both name the same class.",
    ),
    Mistake(
        "two handlers of a message",
        "        on(Recount, RecountHandler()),\n",
        "        on(Recount, RecountHandler()),\n        on(Recount, RecountHandler())\n",
        "on(Recount, RecountHandler())\n",
        "Recount has two handlers, the first at «on(Recount, RecountHandler()),». Remove one of them.",
    ),
    Mistake(
        "a message without permission",
        'class Recount(Command[None]):\n    permission = "shop:change"\n',
        'class Recount(Command[None]):\n    """Counts."""\n',
        "class Recount(",
        'Recount declares no permission. Write permission = "shop:…"; PUBLIC allows every caller.',
    ),
    Mistake(
        "a message without result",
        "class Recount(Command[None]):",
        "class Recount(Command):",
        "class Recount(",
        "Recount does not declare its result type. Write Command[T], or Command[None] for no result.",
    ),
    Mistake(
        "a message that is no dataclass",
        "@dataclass(frozen=True, slots=True, kw_only=True)\nclass RenameGood(",
        "class RenameGood(",
        "class RenameGood(",
        "RenameGood is not a dataclass, so it takes no arguments. Write @dataclass(frozen=True, slots=True, kw_only=True) above it.",
    ),
    Mistake(
        "a pair in place of a registration",
        "on(Recount, RecountHandler())",
        "(Recount, RecountHandler())",
        CONTEXT,
        "handlers of the context 'shop' has a tuple: write on(Message, handler).",
    ),
    Mistake(
        "handlers that return nothing",
        "    return [\n        on(GetGood",
        "    [\n        on(GetGood",
        CONTEXT,
        "handlers of the context 'shop' has None: return what the context declares.",
    ),
    Mistake(
        "handlers that raise",
        "goods = repository(ports.database)",
        "goods = repository(ports.databases)",
        "repository(ports.databases)",
        "handlers of the context 'shop' cannot be made. AttributeError: 'Ports' object has no attribute 'databases'.",
    ),
    Mistake(
        "a cacheable query that reads nothing",
        'class GetGood(Query[GoodDTO]):\n    permission = "shop:read"\n',
        'class GetGood(Query[GoodDTO]):\n    permission = "shop:read"\n    cacheable = Cacheable.BY_USER\n',
        "on(GetGood, ",
        "GetGood is cacheable: declare what it `reads`, a `staleness` above 0 seconds, and no `max_age` above it.",
    ),
)

PERMISSIONS: Final = (
    Mistake(
        "a permission that no context declares",
        'permission = "shop:change"\n    id: UUID\n    title',
        'permission = "shop:chnge"\n    id: UUID\n    title',
        "class RenameGood(",
        "RenameGood requires the permission 'shop:chnge', which no context declares. Add it to the permissions of a Context, with its roles.",
    ),
    Mistake(
        "a role that does not exist",
        '"shop:change": ADMINS',
        '"shop:change": frozenset({"admn"})',
        CONTEXT,
        f"The permission 'shop:change' is for the role 'admn', which does not exist. Write a set of {READS}.",
    ),
    Mistake(
        "a role as text",
        '"shop:change": ADMINS',
        '"shop:change": "admins"',
        CONTEXT,
        f"The permission 'shop:change' is for the role 'admins', which does not exist. Write a set of {READS}.",
    ),
    Mistake(
        "a permission of another context",
        '"shop:change": ADMINS',
        '"shop:change": ADMINS, "items:read": ADMINS',
        CONTEXT,
        "Two contexts declare the permission 'items:read', the first at src/api_base/bootstrap/contexts/items.py:{items}. Rename one of them.",
    ),
    Mistake(
        "a permission with a fixed meaning",
        '"shop:change": ADMINS',
        '"shop:change": ADMINS, "public": ADMINS',
        CONTEXT,
        "The permission 'public' has a fixed meaning. Rename it, such as shop:read.",
    ),
    Mistake(
        "an attachable with an unknown permission",
        'kind="goods", permission="shop:change"',
        'kind="goods", permission="shop:edit"',
        "Attachable(kind",
        "The attachable 'goods' requires the permission 'shop:edit', which no context declares. "
        "Add it to the permissions of a Context, with its roles.",
    ),
)

ROUTES: Final = (
    Mistake(
        "a page by offset that no route declares",
        "Depends(ListQuery(FIELDS))",
        "Depends(OffsetQuery(FIELDS))",
        '@router.get("", summary',
        "list_goods takes OffsetQuery, but is paged by cursor. Write RouteOptions(paging='offset'), or take ListQuery.",
    ),
    Mistake(
        "a declared offset that no function takes",
        '@router.get("", summary',
        '@router.get("", RouteOptions(paging="offset"), summary',
        '@router.get("", RouteOptions',
        "list_goods has paging='offset', but does not take OffsetQuery and return an OffsetPage. Declare both, or remove paging='offset'.",
    ),
    Mistake(
        "two routes of one path",
        '@router.put("/{id}/title", status_code=204, summary="Rename a good")',
        '@router.put("/{id}/title", status_code=204)\n    @router.put("/{key}/title", status_code=204)',
        '@router.put("/{id}/title"',
        'Two routes serve PUT /api/v1/goods/{id}/title, the first at «@router.put("/{id}». Change the path or the method of one of them.\n'
        "«@router.put(\"/{id}»: Two routes have the name 'rename_good', the first at «@router.put(\"/{id}»: clients name their methods by it. "
        "Rename one of the functions.\n«@router.put(\"/{id}»: rename_good has no parameter 'key', which its path /api/v2/goods/{key}/title names. "
        "Add it.",
    ),
    Mistake(
        "a route of the base",
        'Router(prefix="/goods", tags=["goods"])',
        'Router(prefix="/items", tags=["goods"])',
        '@router.get("", summary',
        "Two routes serve GET /api/v1/items, the first at src/api_base/interface/v1/items.py:{list_items}. Change the path or the method of one of them.\n"
        '«@router.get("/{id}"»: Two routes serve GET /api/v1/items/{id}, the first at src/api_base/interface/v1/items.py:{get_item}. '
        "Change the path or the method of one of them.",
    ),
    Mistake(
        "two functions of one name",
        "async def get_good(",
        "async def get_item(",
        '@router.get("/{id}"',
        "Two routes have the name 'get_item', the first at src/api_base/interface/v1/items.py:{get_item}: clients name their methods by it. "
        "Rename one of the functions.",
    ),
    Mistake(
        "a synchronous route",
        "async def get_good(id: UUID) -> GoodDTO:\n        return await bus",
        "def get_good(id: UUID) -> GoodDTO:\n        return bus",
        '@router.get("/{id}"',
        "get_good is not a coroutine function. Write async def.",
    ),
    Mistake(
        "a path value without parameter",
        "async def get_good(id: UUID)",
        "async def get_good()",
        '@router.get("/{id}"',
        "get_good has no parameter 'id', which its path /api/v2/goods/{id} names. Add it.",
    ),
    Mistake(
        "a parameter that a router cannot resolve",
        "async def get_good(id: UUID)",
        "async def get_good(id: UUID, verbose: dict[str, bool])",
        '@router.get("/{id}"',
        "The parameter 'verbose' of get_good is neither a value of the path /api/v2/goods/{id}, a value of the query, a body nor a resolver. "
        "Declare one of these, or use fastapi.APIRouter for this route.",
    ),
    Mistake(
        "a parameter without type",
        "async def get_good(id: UUID)",
        "async def get_good(id)",
        '@router.get("/{id}"',
        "The parameter 'id' of get_good has no type that exists at runtime. Write one.",
    ),
    Mistake(
        "a route without result",
        "body: RenameBody) -> None:",
        "body: RenameBody):",
        '@router.put("/{id}/title"',
        "rename_good does not declare its result. Write -> and a DTO, or -> None for 204, with types that exist at runtime.",
    ),
    Mistake(
        "two bodies",
        "body: RenameBody)",
        "body: RenameBody, sorting: Sorting)",
        '@router.put("/{id}/title"',
        "rename_good has 2 bodies: body, sorting. Declare one model with the members of both.",
    ),
    Mistake(
        "a body of GET",
        "async def get_good(id: UUID)",
        "async def get_good(id: UUID, sorting: Sorting)",
        '@router.get("/{id}"',
        "get_good serves GET and reads the body 'sorting'. Serve POST, or take the value from the path or the query.",
    ),
    Mistake(
        "a version that the result lacks",
        "    title: str\n    version: int\n",
        "    title: str\n    version_number: int\n",
        '@router.get("/{id}"',
        "get_good is versioned, but GoodDTO has no field `version`. Add it, or remove versioned=True.",
    ),
    Mistake(
        "a location of a field that the result lacks",
        "RouteOptions(versioned=True)",
        'RouteOptions(versioned=True, location="/goods/{slug}")',
        '@router.get("/{id}"',
        "The location of get_good names 'slug', which GoodDTO lacks. It has id, title, version.",
    ),
    Mistake(
        "a query for clients' caches that is not cacheable",
        "RouteOptions(versioned=True)",
        "RouteOptions(versioned=True, query=GetGood)",
        '@router.get("/{id}"',
        "get_good names the query GetGood, which is not cacheable. Declare `cacheable`, or remove query=.",
    ),
    Mistake(
        "a router in a router",
        "    return router\n",
        '    outer = APIRouter(prefix="/outer")\n    outer.include_router(router)\n    return outer\n',
        '@router.get("", summary',
        "/api/v2/outer includes this Router. Return each Router from a Context of its own; only a plain APIRouter may be included.",
    ),
    Mistake(
        "a WebSocket route of FastAPI",
        "    return router\n",
        '    plain = APIRouter()\n    plain.add_api_websocket_route("/live", count)\n    return plain\n',
        "async def count(",
        "/api/v2/live is a WebSocket route of FastAPI. Declare it with `websocket` of a Router.",
    ),
    Mistake(
        "routes that return nothing",
        "    return router\n",
        "",
        CONTEXT,
        "routes of the context 'shop' has None: return what the context declares.",
    ),
    Mistake(
        "a path without slash",
        '@router.get("", summary',
        'plain = APIRouter(prefix="goods")\n\n    @router.get("", summary',
        'APIRouter(prefix="goods")',
        "routes of the context 'shop' cannot be made. AssertionError: A path prefix must start with '/'.",
    ),
    Mistake(
        "a message of a list without handler",
        "        on(ListGoods, ListGoodsHandler(ports.database)),\n",
        "",
        "class ListGoods(",
        "ListGoods has no handler. To the handlers of the context 'shop', ListGoodsHandler takes it: add on(ListGoods, ListGoodsHandler(…)); "
        "or remove the message.",
    ),
)

EVENTS: Final = (
    Mistake(
        "an event that nobody publishes",
        'event="shop.renamed.v1", payload',
        'event="shop.renmaed.v1", payload',
        "DurableSubscription(",
        "No context publishes the event 'shop.renmaed.v1'. Correct the name, or add the class of the event to `events` of its Context.",
    ),
    Mistake(
        "a field that the event lacks",
        '    title: str = ""\n',
        "    name: str\n",
        "class Renamed:",
        "Renamed has the field 'name', which the event shop.renamed.v1 lacks. It has aggregate_id, tenant_id, title.",
    ),
    Mistake(
        "a payload that is no dataclass",
        "@dataclass(frozen=True, slots=True, kw_only=True)\nclass Renamed:",
        "class Renamed:",
        "DurableSubscription(",
        "The payload Renamed is not a dataclass. Write @dataclass above it.",
    ),
    Mistake(
        "a synchronous subscriber",
        "async def count(",
        "def count(",
        "DurableSubscription(",
        "The subscriber of shop.renamed.v1 is not a coroutine function. Write async def.",
    ),
    Mistake(
        "two subscriptions of one name",
        "    return [DurableSubscription(",
        '    other = DurableSubscription(name="shop.count", event="shop.renamed.v1", payload=Renamed, handle=count)\n'
        "    return [other, DurableSubscription(",
        "return [other, DurableSubscription(",
        "Two durable subscriptions have the name 'shop.count', the first at «other = Durable»: they would share one position. Rename one.",
    ),
    Mistake(
        "an event without name",
        '    name = "shop.renamed.v1"\n    tenant_id',
        "    tenant_id",
        "class GoodRenamed(",
        'GoodRenamed has no name. Write name = "shop.<fact>.v1".\n'
        "«DurableSubscription(name»: No context publishes the event 'shop.renamed.v1'. Correct the name, or add the class of the event to "
        "`events` of its Context.\n«PublicEvent(event»: Context.channels: shop.renamed.v1 is not an event of the context 'shop': correct the "
        "name, or add its class to `events`.",
    ),
    Mistake(
        "an event that is not declared in channels",
        "        PublicEvent(event",
        "        # PublicEvent(event",
        "Channel(kind",
        "Context.channels: shop.renamed.v1 has no declaration: add a PublicEvent, or Unpublished with the reason.",
    ),
    Mistake(
        "a channel of a field that the event lacks",
        'fields=("title",)',
        'fields=("name",)',
        "PublicEvent(event",
        "Context.channels: shop.renamed.v1 has no field 'name'.",
    ),
)

TABLES: Final = (
    Mistake(
        "a mapping of fewer columns",
        "to_row=row_of(TABLE)",
        "to_row=lambda good: (good.tenant_id, good.id, good.title)",
        "mapping = TableMapping",
        "to_row returns 3 values, but the table 'goods' has 4 columns: tenant_id, id, title, version. Return one for each.",
    ),
    Mistake(
        "a mapping of an attribute that the aggregate lacks",
        "to_row=row_of(TABLE)",
        'to_row=row_of(TABLE, title="name")',
        "mapping = TableMapping",
        "to_row reads the attribute 'name', which Good lacks. Name the right one for its column in row_of.",
    ),
    Mistake(
        "an aggregate of more fields than columns",
        "    tenant_id: UUID\n    title: str\n\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass GoodDTO",
        "    tenant_id: UUID\n    title: str\n    price: int\n\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass GoodDTO",
        "mapping = TableMapping",
        "from_row reads price, but the table 'goods' has the columns tenant_id, id, title, version.",
    ),
    Mistake(
        "a column that from_row reads in vain",
        "from_row=restored(Good)",
        'from_row=lambda row: Good(id=row["id"], tenant_id=row["tenant"], title=row["title"])',
        "mapping = TableMapping",
        "from_row reads tenant, but the table 'goods' has the columns tenant_id, id, title, version.",
    ),
    Mistake(
        "a table that declares no owner",
        "TABLE = tenant_owned(\n",
        "TABLE = sa.Table(\n",
        "return SqlRepository(",
        "handlers of the context 'shop' cannot be made. The table 'goods' does not declare who owns its rows: use tenant_owned, user_owned or "
        "system_owned.\n«SHOP = Context(»: The table 'goods' does not declare who owns its rows: use tenant_owned, user_owned or system_owned.",
    ),
    Mistake(
        "a table without column of its owner",
        '    sa.Column("tenant_id", sa.Uuid, primary_key=True),\n',
        '    sa.Column("tenant", sa.Uuid, primary_key=True),\n',
        "return SqlRepository(",
        "handlers of the context 'shop' cannot be made. The table 'goods' has no column 'tenant_id', which names the owner of a row. Add it.\n"
        "«TABLE = tenant_owned(»: The table 'goods' has no column 'tenant_id', which names the owner of a row. Add it.",
    ),
    Mistake(
        "a table in no context",
        "    tables=(TABLE, LEAFLETS),\n",
        "",
        "mapping = TableMapping",
        "A repository uses the table 'goods', which is in the tables of no Context. Add it there.",
    ),
    Mistake(
        "a table of another context",
        '    "goods",\n    sa.MetaData()',
        '    "items",\n    sa.MetaData()',
        "TABLE = tenant_owned(",
        "Two tables have the name 'items'. Rename one, or declare it in one context only.",
    ),
    Mistake(
        "an aggregate without version",
        '    sa.Column("version", sa.Integer, nullable=False),\n',
        "",
        "mapping = TableMapping",
        "The table 'goods' stores an aggregate and has no column 'version'. Add it.\n«mapping = TableMapping»: from_row reads version, but the "
        "table 'goods' has the columns tenant_id, id, title.",
    ),
    Mistake(
        "tables without migrations",
        '    migrations=Path(__file__).parent / "migrations",\n',
        "",
        CONTEXT,
        "The context 'shop' has the table 'goods', but no migrations. Set migrations=Path(…).",
    ),
    Mistake(
        "a folder that does not exist",
        'parent / "migrations"',
        'parent / "migration"',
        CONTEXT,
        "The folder {folder}/migration of the migrations of 'shop' does not exist. Run `api-base migrate new shop MESSAGE`, or correct the path.",
    ),
)

REVISIONS: Final = tuple(
    Mistake(name, old, new, 'revision = "', sentence, file="migrations/001_create_goods.py")
    for name, old, new, sentence in (
        (
            "a revision without label",
            'branch_labels = ("shop",)\n',
            "",
            "The revision shop_001 has the labels None, but belongs to shop. Write branch_labels = ('shop',).",
        ),
        (
            "a revision with another label",
            '("shop",)',
            '("store",)',
            "The revision shop_001 has the labels ('store',), but belongs to shop. Write branch_labels = ('shop',).",
        ),
        (
            "a dependency that does not exist",
            '("base_001",)',
            '("bass_001",)',
            "The revision shop_001 depends on bass_001, which no context of this application brings. Add that context to CONTEXTS, take it out of CONTEXTS_DISABLED, or correct "
            "depends_on.",
        ),
        (
            "a revision that follows another branch",
            'down_revision = None\nbranch_labels = ("shop",)\n',
            'down_revision = "items_001"\n',
            "These revisions of shop follow a revision that does not exist: shop_001. Correct down_revision = 'items_001'.",
        ),
        (
            "a revision that follows itself",
            'down_revision = None\nbranch_labels = ("shop",)\n',
            'down_revision = "shop_001"\n',
            "The revisions shop_001 depend on each other in a circle. Correct their down_revision or depends_on.",
        ),
        (
            "a revision of another context's id",
            'revision = "shop_001"\ndown',
            'revision = "items_001"\ndown',
            "Two files have the revision id items_001: {items_revision} and {folder}/migrations/001_create_goods.py. Rename one.",
        ),
    )
)

WORK: Final = (
    Mistake(
        "a job that is no command",
        'Job(name="shop.recount", message=Recount)',
        'Job(name="shop.recount", message=GetGood)',
        "jobs=(Job",
        "The job 'shop.recount' names GetGood, which is not a Command. Only commands run as jobs.\n«schedules=(»: The schedule 'shop.nightly' "
        "enqueues Recount, which is not a job. Add Job(name=…, message=Recount) to `jobs`.",
    ),
    Mistake(
        "a job of another context's name",
        'name="shop.recount"',
        'name="items.import"',
        "jobs=(Job",
        "Two jobs have the name 'items.import', the first at src/api_base/bootstrap/importing.py:{import_job}. Rename one of them.",
    ),
    Mistake(
        "a job with a secret",
        'class Recount(Command[None]):\n    permission = "shop:change"\n',
        'class Recount(Command[None]):\n    permission = "shop:change"\n    token: str = field(default="", repr=False)\n',
        "jobs=(Job",
        "Recount cannot be a job: its row would hold the secret token as plain text. Pass an id instead.",
    ),
    Mistake(
        "a job without time",
        "message=Recount),),\n    schedules",
        "message=Recount, timeout=0),),\n    schedules",
        "jobs=(Job",
        "The job 'shop.recount' needs at least 1 attempt and a timeout above 0 seconds.",
    ),
    Mistake(
        "a schedule of a message that is no job",
        '    jobs=(Job(name="shop.recount", message=Recount),),\n',
        "",
        "schedules=(Schedule",
        "The schedule 'shop.nightly' enqueues Recount, which is not a job. Add Job(name=…, message=Recount) to `jobs`.",
    ),
    Mistake(
        "a schedule that never fires",
        '"0 3 * * *"',
        '"0 3 31 2 *"',
        "schedules=(Schedule",
        "The schedule 'shop.nightly' has the cron expression '0 3 31 2 *', which crontab(5) does not know or which never comes (Bad day-of-month).",
    ),
    Mistake(
        "a schedule that is no crontab line",
        '"0 3 * * *"',
        '"daily"',
        "schedules=(Schedule",
        "The schedule 'shop.nightly' has the cron expression 'daily', which crontab(5) does not know or which never comes (Wrong number of fields).",
    ),
    Mistake(
        "a schedule that cannot make its command",
        'cron="0 3 * * *", message=Recount',
        'cron="0 3 * * *", message=lambda: GetGood()',
        "schedules=(Schedule",
        "The schedule 'shop.nightly' cannot make its command. TypeError: GetGood.__init__() missing 1 required keyword-only argument: 'id'.",
    ),
)

NAMES: Final = (
    Mistake(
        "a context of another one's name",
        '    name="shop",\n    tables',
        '    name="items",\n    tables',
        CONTEXT,
        "Two contexts have the name 'items'. Rename one of them. The first is at src/api_base/bootstrap/contexts/items.py:{items}.\n"
        "{folder}/migrations/001_create_goods.py:9: The revisions items_001 and shop_001 both follow nothing. Make one follow the other.",
    ),
    Mistake(
        "a remote message of another context's name",
        '"shop.get": GetGood',
        '"items.get": GetGood',
        CONTEXT,
        "Two contexts serve the message 'items.get'. Rename it in the `remote` of one of them. "
        "The first is at src/api_base/bootstrap/contexts/items.py:{items}.",
    ),
    Mistake(
        "an attachable of another context's kind",
        'Attachable(kind="goods"',
        'Attachable(kind="items"',
        "Attachable(kind",
        "Two attachables have the kind 'items'. Rename one of them. The first is at src/api_base/bootstrap/contexts/items.py:{attachable}.",
    ),
    Mistake(
        "a module of GraphQL that does not exist",
        "    routes=routes,\n",
        '    routes=routes,\n    graphql="shop.graph:SHOP",\n',
        CONTEXT,
        "graphql='shop.graph:SHOP' of the context 'shop' names no module. Write package.module:NAME.",
    ),
    Mistake(
        "a lifespan that is no context manager",
        "@asynccontextmanager\n",
        "",
        CONTEXT,
        "lifespan of the context 'shop' has a async_generator: return an async context manager.",
    ),
    Mistake(
        "checks that no function returns",
        "    lifespan=lifespan,\n",
        "    lifespan=lifespan,\n    checks=[GetGoodHandler],\n",
        CONTEXT,
        "checks of the context 'shop' has a list: write a function, such as lambda ports: …, that returns it.",
    ),
    Mistake(
        "a lifespan that is no function",
        "    lifespan=lifespan,\n",
        "    lifespan=3,\n",
        CONTEXT,
        "lifespan of the context 'shop' has a int: write a function, such as lambda ports: …, that returns it.",
    ),
    Mistake(
        "a check without a name",
        "    lifespan=lifespan,\n",
        "    lifespan=lifespan,\n    checks=lambda ports: [ports.database],\n",
        CONTEXT,
        "checks of the context 'shop' has a Database: write an object with name, required and check.",
    ),
    Mistake(
        "a middleware of another shape",
        "    lifespan=lifespan,\n",
        '    prefix="/shop",\n    middleware=lambda ports: [GetGoodHandler],\n',
        CONTEXT,
        "middleware of the context 'shop' has the class GetGoodHandler: write Middleware(Class, argument=…).",
    ),
    Mistake(
        "a middleware that cannot be made",
        "    lifespan=lifespan,\n",
        '    prefix="/shop",\n    middleware=lambda ports: [Middleware(GetGoodHandler, rate=1)],\n',
        CONTEXT,
        "middleware of the context 'shop' cannot be made. TypeError: GetGoodHandler.__init__() got an unexpected keyword argument 'rate'.",
    ),
    Mistake(
        "a middleware that sees routes of others",
        "    lifespan=lifespan,\n",
        "    middleware=lambda ports: [Middleware(GetGoodHandler)],\n",
        CONTEXT,
        "middleware of the context 'shop' would see POST /api/{version}/auth/register, which is not its own. Give the context a prefix of its own.",
    ),
    Mistake(
        "a prefix that is no path",
        "    lifespan=lifespan,\n",
        '    lifespan=lifespan,\n    prefix="api/v2/",\n',
        CONTEXT,
        "The prefix 'api/v2/' of the context 'shop' is not a path such as /desk or /desk/{version}: segments that begin with a slash, without other placeholders "
        "and without a slash at the end.",
    ),
    Mistake(
        "commands that lead nowhere",
        "    lifespan=lifespan,\n",
        '    lifespan=lifespan,\n    commands="shop.commands:APP",\n',
        CONTEXT,
        "commands='shop.commands:APP' of the context 'shop' names no module. Write package.module:NAME.",
    ),
    Mistake(
        "a seed that is not a coroutine function",
        """async def seed(seeds: Seeds) -> None:
    \"\"\"Count once.\"\"\"
    await seeds""",
        """def seed(seeds: Seeds) -> None:
    \"\"\"Count once.\"\"\"
    seeds""",
        "def seed(",
        "The seed of the context 'shop' is not a coroutine function. Write async def seed(seeds: Seeds) -> None.",
    ),
    Mistake(
        "a seed of something else",
        "async def seed(seeds: Seeds)",
        "async def seed(bus: Bus, seeds: Seeds)",
        "async def seed(",
        "The seed of the context 'shop' takes bus, seeds, but is given a Seeds. Write async def seed(seeds: Seeds) -> None.",
    ),
    Mistake(
        "a seed that is no function",
        "    seed=seed,\n",
        "    seed=[Recount()],\n",
        CONTEXT,
        "seed of the context 'shop' is list, which is no function. Write async def seed(seeds: Seeds) -> None.",
    ),
    Mistake(
        "a handler that is replaced twice",
        "        on(Recount, RecountHandler()),\n",
        "        on(Recount, RecountHandler()),\n        replacing(GetItem, ItemHandler()),\n        replacing(GetItem, ItemHandler())\n",
        "        replacing(GetItem, ItemHandler())\n",
        "The handler of GetItem is replaced twice, the first time at «        replacing(GetItem, ItemHandler()),». Remove one of the two.",
    ),
    Mistake(
        "a handler that replaces none",
        "on(Recount, RecountHandler())",
        "replacing(Recount, RecountHandler())",
        "replacing(Recount, ",
        "No context handles Recount, so there is nothing to replace. Write on(Recount, …), or correct the message.",
    ),
    Mistake(
        "a second handler of another context's message",
        "        on(Recount, RecountHandler()),\n",
        "        on(Recount, RecountHandler()),\n        on(GetItem, ItemHandler()),\n",
        "        on(GetItem, ItemHandler())",
        "GetItem has two handlers, the first at src/api_base/bootstrap/contexts/items.py:{get_item_handler}. Remove one of them, "
        "or replace that of items: replacing(GetItem, …).",
    ),
    Mistake(
        "a shape of errors that is a function",
        "    routes=routes,\n",
        '    routes=routes,\n    prefix="/shop/v1",\n    problem=rename,\n',
        CONTEXT,
        "problem of the context 'shop' is no ProblemShape. Write problem=ProblemShape(function).",
    ),
    Mistake(
        "a shape of errors for a shared prefix",
        "    routes=routes,\n",
        "    routes=routes,\n    problem=ProblemShape(dict),\n",
        CONTEXT,
        "problem of the context 'shop' would change the errors of 'users', which is below /api/{version} too. Give the context a prefix of its own, or 'users' the same problem.",
    ),
    Mistake(
        "a shape of errors that does not convert all",
        "    routes=routes,\n",
        '    routes=routes,\n    prefix="/shop/v1",\n    problem=ProblemShape(lambda problem: problem["errors"]),\n',
        CONTEXT,
        "problem of the context 'shop' does not convert a problem of the kind 'rule-violated'. KeyError: 'errors'.",
    ),
    Mistake(
        "sentences in a folder without a language",
        "    routes=routes,\n",
        '    routes=routes,\n    sentences=Path("nowhere"),\n',
        CONTEXT,
        "sentences of the context 'shop' is nowhere, which has no pt.toml. Write one there.",
    ),
)

MISTAKES: Final = (*MESSAGES, *PERMISSIONS, *ROUTES, *EVENTS, *TABLES, *REVISIONS, *WORK, *NAMES)
