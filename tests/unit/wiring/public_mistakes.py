"""Mistakes with public pages, as changes of `shop`, each with what the check says."""

from typing import Final

from tests.unit.wiring.mistakes import Mistake

ROUTE: Final = '@router.get("/{tenant}/leaflets/{id}"'
SHOWN: Final = "GET /api/v2/goods/{tenant}/leaflets/{id} names ReadLeaflet, which has public_of"
WRITE: Final = "class WriteLeaflet("
TABLE: Final = "LEAFLETS = tenant_owned("

DECLARED: Final = """
    "leaflets",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid(), primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("author_id", sa.Uuid, nullable=False),
    sa.Column("printed", sa.Boolean, nullable=False),
"""

PUBLIC_PAGES: Final = (
    Mistake(
        "public pages of a field that the message lacks",
        '    public_of = "tenant"\n    tenant: str\n',
        '    public_of = "slug"\n    tenant: str\n',
        "class ReadLeaflet(",
        "ReadLeaflet has public_of='slug', which is no field of it with the type str. Name the field with the slug of the tenant.\n"
        "«@router.get(\"/{tenant}/leaflets/{id}\"»: GET /api/v2/goods/{tenant}/leaflets/{id} names ReadLeaflet, which has public_of='slug', "
        "but its path has no {slug}. Write it, such as /tenants/{slug}/…",
    ),
    Mistake(
        "public pages of an id in place of a slug",
        '    public_of = "tenant"\n    tenant: str\n',
        '    public_of = "tenant"\n    tenant: UUID\n',
        "class ReadLeaflet(",
        "ReadLeaflet has public_of='tenant', which is no field of it with the type str. Name the field with the slug of the tenant.",
    ),
    Mistake(
        "public pages that need a permission",
        '    permission = PUBLIC\n    public_of = "tenant"\n',
        '    permission = "shop:read"\n    public_of = "tenant"\n',
        "class ReadLeaflet(",
        "ReadLeaflet has public_of and the permission 'shop:read', which no visitor holds. Write permission = PUBLIC.",
    ),
    Mistake(
        "a command of public pages",
        "class ReadLeaflet(Query[LeafletDTO]):",
        "class ReadLeaflet(Command[LeafletDTO]):",
        "class ReadLeaflet(",
        "ReadLeaflet is a command with public_of and the permission 'public'. Visitors who write are signed in: write permission = AUTHENTICATED.\n"
        "«class ReadLeaflet(»: ReadLeaflet is a command with public_of and without limits, so a stranger may write without end. "
        "Write limits = (Limit(…),).\n"
        '«@router.get("/{tenant}/leaflets/{id}"»: GET /api/v2/goods/{tenant}/leaflets/{id} names ReadLeaflet, a command with public_of, and '
        "lets anonymous callers in. Leave auth= out of its RouteOptions.",
    ),
    Mistake(
        "public pages of a table without public rows",
        '    public="printed",\n    own="author_id",\n    visitors_write=True,\n',
        "",
        "class ReadLeaflet(",
        "ReadLeaflet has public_of and reads leaflets, which has no public rows. Declare public=… or own=… with the table, and call ddl.publish.\n"
        "«class WriteLeaflet(»: WriteLeaflet has public_of and reads leaflets, which has no public rows. Declare public=… or own=… with the table, "
        "and call ddl.publish.",
    ),
    Mistake(
        "public pages of a table of the system",
        f'LEAFLETS = tenant_owned({DECLARED}    public="printed",\n    own="author_id",\n    visitors_write=True,\n)',
        f"LEAFLETS = system_owned({DECLARED})",
        "class ReadLeaflet(",
        "ReadLeaflet has public_of and reads leaflets, which belongs to the system and has no policy. Read it in another message.\n"
        "«class WriteLeaflet(»: WriteLeaflet has public_of and reads leaflets, which belongs to the system and has no policy. "
        "Read it in another message.",
    ),
    Mistake(
        "public pages for the tenant of a token",
        "self._by_id, readable_tenant(), ",
        "self._by_id, request_tenant(), ",
        "class ReadLeaflet(",
        "ReadLeaflet has public_of, but ReadLeafletHandler asks for request_tenant(), which visitors lack. Write readable_tenant().",
    ),
    Mistake(
        "public rows by a column that the table lacks",
        'public="printed"',
        'public="published"',
        TABLE,
        "The table 'leaflets' declares public rows by 'published', which is no boolean column. Add it, or name another.",
    ),
    Mistake(
        "own rows by a column of another type",
        'own="author_id"',
        'own="printed"',
        TABLE,
        "The table 'leaflets' declares public rows by 'printed', which is no uuid column. Add it, or name another.",
    ),
    Mistake(
        "rows of visitors without a column of their id",
        '    own="author_id",\n',
        "",
        TABLE,
        "The table 'leaflets' has visitors_write= without own=. Add the column with the id of the user whose row it is.",
    ),
    Mistake(
        "a command of public pages for anybody",
        "    permission = AUTHENTICATED\n",
        "    permission = PUBLIC\n",
        WRITE,
        "WriteLeaflet is a command with public_of and the permission 'public'. Visitors who write are signed in: write permission = AUTHENTICATED.",
    ),
    Mistake(
        "a command of public pages without limits",
        '    limits = (Limit(name="leaflets", quota=10, window=60, burst=5),)\n',
        "",
        WRITE,
        "WriteLeaflet is a command with public_of and without limits, so a stranger may write without end. Write limits = (Limit(…),).",
    ),
    Mistake(
        "a command of public pages that executes others",
        "    permission = AUTHENTICATED\n",
        "    permission = AUTHENTICATED\n    isolation = Isolation.NONE\n",
        WRITE,
        "WriteLeaflet is a command with public_of and Isolation.NONE: in a visit it can execute no other command. Leave the isolation out.",
    ),
    Mistake(
        "a command of public pages for tables that visitors do not write",
        "    visitors_write=True,\n",
        "",
        WRITE,
        "WriteLeaflet is a command with public_of, but visitors do not write leaflets. Declare visitors_write=True with the table.",
    ),
    Mistake(
        "a route of such a command for anonymous callers",
        '"/{tenant}/leaflets", status_code=204',
        '"/{tenant}/leaflets", RouteOptions(auth="optional"), status_code=204',
        '@router.post("/{tenant}/leaflets"',
        "POST /api/v2/goods/{tenant}/leaflets names WriteLeaflet, a command with public_of, and lets anonymous callers in. "
        "Leave auth= out of its RouteOptions.",
    ),
    Mistake(
        "a route of public pages without a slug",
        '"/{tenant}/leaflets/{id}", RouteOptions(auth="optional"), summary="Read a leaflet")\n    async def read_leaflet(tenant: str, id',
        '"/leaflets/{id}", RouteOptions(auth="optional"), summary="Read a leaflet")\n    async def read_leaflet(id',
        '@router.get("/leaflets/{id}"',
        "GET /api/v2/goods/leaflets/{id} names ReadLeaflet, which has public_of='tenant', but its path has no {tenant}. "
        "Write it, such as /tenants/{tenant}/…",
    ),
    Mistake(
        "a route of public pages that requires a token",
        'RouteOptions(auth="optional")',
        "RouteOptions()",
        ROUTE,
        f'{SHOWN}, but requires a token. Write RouteOptions(auth="optional").',
    ),
    Mistake(
        "a route of public pages in shared caches",
        'RouteOptions(auth="optional")',
        'RouteOptions(auth="optional", cache="public, max-age=60")',
        ROUTE,
        f"{SHOWN}, and lets shared caches keep 'public, max-age=60', also what only one visitor may see. "
        'Write auth="ignored", or another cache.',
    ),
)
