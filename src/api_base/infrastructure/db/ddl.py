"""Functions that revisions call to declare the owner of a table's rows, its privileges and the functions that bypass its policy.

Every owned table has FORCE ROW LEVEL SECURITY, which applies to the owner of the table as well: a separate policy lets the migrating role see
the rows of every tenant, for data migrations. A role has no privilege that is not granted here.
"""

from collections.abc import Sequence
from typing import Final

from alembic import context, op

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.migrations.roles import Roles
from api_base.infrastructure.db.schema import DELETED_AT, VISITED, VISITOR, PublicRows, declared_at, ownership
from api_base.infrastructure.db.schema import Ownership as Ownership  # revisions write ddl.Ownership.USER

READ_WRITE: Final = ("select", "insert", "update", "delete")


def roles() -> Roles:
    """Return the roles of this database, which `runner.py` passes."""
    found: Roles = context.config.attributes["roles"]
    return found


def quoted(identifier: str) -> str:
    """Quote `identifier` for SQL [PostgreSQL manual, 4.1.1]."""
    return '"' + identifier.replace('"', '""') + '"'


def current_owner(ownership: Ownership) -> str:
    """Return the SQL for the owner (tenant or user) of the statement. It is null when none is set, which selects no row."""
    return f"{_setting(ownership.value)}::uuid"


def visited_tenant() -> str:
    """Return the SQL for the tenant whose public pages the statement visits. It is null outside of a visit."""
    return f"{_setting(VISITED)}::uuid"


def _setting(name: str | None) -> str:
    return f"nullif(current_setting('{name}', true), '')"


def protect(
    table: str,
    owner_column: str = "tenant_id",
    ownership: Ownership = Ownership.TENANT,
    *,
    public: str | None = None,
    own: str | None = None,
    visitors_write: bool = False,
) -> None:
    """Enable row-level security on `table`: `app` reads and writes the rows of the current tenant or user, the migrating role all rows.

    `public`, `own` and `visitors_write` are those of the declaration of a tenant's table: see `publish`.
    """
    force(table)
    mine = f"{owner_column} = {current_owner(ownership)}"
    policy(table, f"{table}_app", to=roles().app, using=mine, check=mine)
    if public is not None or own is not None:
        publish(table, public, owner_column, own=own, visitors_write=visitors_write)


def publish(
    table: str, public: str | None = None, owner_column: str = "tenant_id", *, own: str | None = None, visitors_write: bool = False
) -> None:
    """Let anybody read rows of the visited tenant: those whose boolean column `public` is true, and visitors those with their id in `own`.

    No row with a time in `deleted_at` is shown. With `visitors_write`, visitors also write those with their id in `own`, and read them when they
    are deleted. For a table that is protected already.
    """
    columns = op.get_bind().exec_driver_sql("select attname from pg_attribute where attrelid = to_regclass($1)", (table,)).scalars()
    deleted = DELETED_AT if DELETED_AT in set(columns) else None
    rows = PublicRows(published=public, own=own, deleted=deleted, written=visitors_write)
    policy(table, public_policy_name(table), to=roles().app, command="select", using=visible_to_visitors(rows, owner_column))
    if visitors_write:
        mine = written_by_visitors(rows, owner_column)
        policy(table, own_policy_name(table), to=roles().app, using=mine, check=mine)


def public_policy_name(table: str) -> str:
    """Return the name of the policy that `publish` creates."""
    return f"{table}_app_public"


def own_policy_name(table: str) -> str:
    """Return the name of the policy that `publish` creates where visitors write."""
    return f"{table}_app_own"


def visible_to_visitors(rows: PublicRows, owner_column: str) -> str:
    """Return the SQL of the policy that `publish` creates. `coalesce` has the reason that `also_readable` gives."""
    either = [one for one in (rows.published, rows.own and _of_visitor(rows.own)) if one is not None]
    present = "" if rows.deleted is None else f"{rows.deleted} is null and "
    return _in_visited_tenant(owner_column, f"{present}({' or '.join(either)})")


def written_by_visitors(rows: PublicRows, owner_column: str) -> str:
    """Return the SQL of the policy that `publish` creates where visitors write."""
    return _in_visited_tenant(owner_column, _of_visitor(f"{rows.own}"))


def _in_visited_tenant(owner_column: str, condition: str) -> str:
    return f"coalesce({owner_column} = {visited_tenant()} and {condition}, false)"


def _of_visitor(column: str) -> str:
    return f"{column} = {_setting(VISITOR)}::uuid"


def force(table: str) -> None:
    """Enable row-level security on `table` with a policy for the migrating role only. Add your own policies."""
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy {table}_owner on {table} to current_user using (true) with check (true)")


def policy(table: str, name: str, *, to: str, using: str | None = None, check: str | None = None, command: str = "all") -> None:
    """Create a permissive policy: PostgreSQL joins the policies of one role and command by OR."""
    conditions = (f" using ({using})" if using else "") + (f" with check ({check})" if check else "")
    op.execute(f"create policy {name} on {table} for {command} to {quoted(to)}{conditions}")


def also_readable(table: str, owner_column: str, ownership: Ownership) -> None:
    """Let `app` also read the rows whose `owner_column` is the current tenant or user, in addition to those of `protect`.

    PostgreSQL joins both policies by OR. `coalesce` keeps the planner from using an index for this comparison and from estimating its rows;
    otherwise it expects few rows and reads two indexes into a bitmap of all rows instead of one index in order.
    """
    name = f"{table}_app_by_{owner_column}"
    mine = f"coalesce({owner_column} = {current_owner(ownership)}, false)"
    policy(table, name, to=roles().app, command="select", using=mine)


def worker_policy(table: str) -> None:
    """Let `worker` see all rows of `table`, for work that belongs to no tenant. It also needs `grant(…, worker=…)`."""
    policy(table, f"{table}_worker", to=roles().worker, using="true", check="true")


def grant(table: str, *, app: Sequence[str] = (), worker: Sequence[str] = ()) -> None:
    """Grant privileges on `table`, such as `READ_WRITE`.

    Raises `ConfigurationError` for a table that is declared as owned by a tenant or user and has no forced policy yet.
    """
    _require_policy(table)
    for role, privileges in ((roles().app, app), (roles().worker, worker)):
        if privileges:
            op.execute(f"grant {', '.join(privileges)} on {table} to {quoted(role)}")


def _require_policy(table: str) -> None:
    declared = context.config.attributes["tables"].get(table)
    if declared is None or ownership(declared) is Ownership.SYSTEM:
        return
    forced = "select relrowsecurity and relforcerowsecurity from pg_class where oid = to_regclass($1)"
    if not op.get_bind().exec_driver_sql(forced, (table,)).scalar():
        raise ConfigurationError(
            f"The migration grants {table} without a policy, but {declared_at(declared)} declares that each row is owned by a "
            f"{ownership(declared).name.lower()}. Call ddl.protect({table!r}) before ddl.grant, then run `api-base migrate up` again."
        )


def revoke(table: str) -> None:
    """Revoke what `grant` granted, for a table that is not dropped."""
    op.execute(f"revoke all on {table} from {quoted(roles().app)}, {quoted(roles().worker)}")


def callable_by(function: str, *, app: bool = False, worker: bool = False) -> None:
    """Let only its owner and the named roles execute `function` (name and types)."""
    op.execute(f"revoke all on function {function} from public")
    for role, named in ((roles().app, app), (roles().worker, worker)):
        if named:
            op.execute(f"grant execute on function {function} to {quoted(role)}")


def search_function(name: str, table: str, *, condition: str, columns: Sequence[str], owner_column: str = "tenant_id") -> None:
    """Create `name(tenant uuid, query text) returns setof uuid`: the ids of the tenant's rows of `table` that satisfy `condition`.

    Text operators are not leakproof, so with a policy no index serves them. The function is owned by the role `search`, which may read
    only `columns`, of all tenants; it returns rows of the current tenant only. `condition` is SQL over the columns and `query`.
    """
    mine = f"{owner_column} = tenant and tenant = {current_owner(Ownership.TENANT)}"
    search_role_reads(table, ("id", owner_column, *columns))
    op.execute(
        f"""
        create function {name}(tenant uuid, query text) returns setof uuid
        language sql stable security definer rows 100 set search_path = pg_catalog, public, pg_temp
        as $$ select id from public.{table} where {mine} and ({condition}) $$
        """
    )
    callable_by(f"{name}(uuid, text)", app=True)
    give(f"{name}(uuid, text)", search_role())


def search_role_reads(table: str, columns: Sequence[str]) -> None:
    """Let the role `search` read `columns` of all rows of `table`, for the functions that it owns."""
    op.execute(f"grant select ({', '.join(dict.fromkeys(columns))}) on {table} to {search_role()}")
    policy(table, f"{table}_search", to=roles().search, command="select", using="true")


def give(function: str, role: str) -> None:
    """Make `role` the owner of `function`. PostgreSQL requires that an owner may create objects in the schema: grant that temporarily."""
    op.execute(f"grant create on schema public to {role}")
    op.execute(f"alter function {function} owner to {role}")
    op.execute(f"revoke create on schema public from {role}")


def search_role() -> str:
    """Return the quoted role that owns search functions. Raises `ConfigurationError` with the SQL that an administrator has to run."""
    name = roles().search
    found = op.get_bind().exec_driver_sql(
        "select coalesce((select pg_has_role(current_user, oid, 'SET') from pg_roles where rolname = $1), false), current_user", (name,)
    )
    able, owner = found.one()
    if not able:
        raise ConfigurationError(
            f"The migration needs the role {name}, which owns search functions. As an administrator run: "
            f"create role {quoted(name)} nologin; grant {quoted(name)} to {quoted(owner)} with inherit false, set true;"
        )
    return quoted(name)


def notify_access(table: str, user_column: str, watched: Sequence[str] = ()) -> None:
    """Notify every process (channel `access_changed`) that the access of a user has changed when a row of `table` is written.

    With `watched` columns: only when an update changes one of them. The payload is the user's id.
    """
    events, when = "insert or update or delete", ""
    if watched:
        events = "update"
        changed = " or ".join(f"old.{column} is distinct from new.{column}" for column in watched)
        when = f" when ({changed})"
    op.execute(
        f"create trigger {table}_access after {events} on {table} for each row{when} execute function notify_access('{user_column}')"
    )
