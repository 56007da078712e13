"""What revisions say of a table: whose rows it holds, who may do what, which functions look past the policy.

Every owned table is under FORCE ROW LEVEL SECURITY, so its owner is under it too: the role that migrates has a policy of its own
that lets data migrations see every tenant's rows. Nobody is granted anything that is not said here.
"""

from collections.abc import Sequence
from typing import Final

from alembic import context, op

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.migrations.roles import Roles
from api_base.infrastructure.db.schema import Ownership

READ_WRITE: Final = ("select", "insert", "update", "delete")


def roles() -> Roles:
    """The roles of this database, as the migration was told."""
    found: Roles = context.config.attributes["roles"]
    return found


def quoted(identifier: str) -> str:
    """An identifier as PostgreSQL reads it back unchanged [manual, 4.1.1]."""
    return '"' + identifier.replace('"', '""') + '"'


def current_owner(ownership: Ownership) -> str:
    """SQL for the tenant or user that the statement runs for; null where none is set, so that nothing is seen."""
    return f"nullif(current_setting('{ownership.value}', true), '')::uuid"


def protect(table: str, owner_column: str = "tenant_id", ownership: Ownership = Ownership.TENANT) -> None:
    """Row-level security on `table`: `app` sees and writes the rows of the tenant or user it runs for, the migrating role all."""
    force(table)
    mine = f"{owner_column} = {current_owner(ownership)}"
    policy(table, f"{table}_app", to=roles().app, using=mine, check=mine)


def force(table: str) -> None:
    """Row-level security on `table` with nothing visible to anybody but the migrating role. Policies of your own follow."""
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy {table}_owner on {table} to current_user using (true) with check (true)")


def policy(table: str, name: str, *, to: str, using: str | None = None, check: str | None = None, command: str = "all") -> None:
    """A permissive policy: rows it admits are added to those of the other policies of the same role and command."""
    conditions = (f" using ({using})" if using else "") + (f" with check ({check})" if check else "")
    op.execute(f"create policy {name} on {table} for {command} to {quoted(to)}{conditions}")


def also_readable(table: str, owner_column: str, ownership: Ownership) -> None:
    """Let `app` read, beside its own rows by `protect`, those whose `owner_column` is the tenant or user that it runs for.

    PostgreSQL joins both policies by OR. Inside `coalesce` no index serves the comparison and nothing is estimated of it; else
    the planner takes the rows for few, and reads two indexes into a bitmap of all rows rather than one index in order.
    """
    name = f"{table}_app_by_{owner_column}"
    mine = f"coalesce({owner_column} = {current_owner(ownership)}, false)"
    policy(table, name, to=roles().app, command="select", using=mine)


def worker_policy(table: str) -> None:
    """Let `worker` past the policy of `table`, for work that belongs to no tenant. It still needs `grant(…, worker=…)`."""
    policy(table, f"{table}_worker", to=roles().worker, using="true", check="true")


def grant(table: str, *, app: Sequence[str] = (), worker: Sequence[str] = ()) -> None:
    """Privileges on `table`, such as `READ_WRITE`."""
    for role, privileges in ((roles().app, app), (roles().worker, worker)):
        if privileges:
            op.execute(f"grant {', '.join(privileges)} on {table} to {quoted(role)}")


def revoke(table: str) -> None:
    """Take back what `grant` gave on a table that stays."""
    op.execute(f"revoke all on {table} from {quoted(roles().app)}, {quoted(roles().worker)}")


def callable_by(function: str, *, app: bool = False, worker: bool = False) -> None:
    """Let nobody execute `function` (name and types) but its owner and the named roles."""
    op.execute(f"revoke all on function {function} from public")
    for role, named in ((roles().app, app), (roles().worker, worker)):
        if named:
            op.execute(f"grant execute on function {function} to {quoted(role)}")


def search_function(name: str, table: str, *, condition: str, columns: Sequence[str], owner_column: str = "tenant_id") -> None:
    """`name(tenant uuid, query text) returns setof uuid`: ids of the tenant's rows of `table` that fulfil `condition`.

    Operators for text are not leakproof, so a policy keeps them off indexes. This function belongs to the role `search`, which
    may only read `columns`, of all tenants; it answers for the tenant that the statement runs for and for no other.
    `condition` is SQL over the columns and `query`.
    """
    search = _search_role()
    mine = f"{owner_column} = tenant and tenant = {current_owner(Ownership.TENANT)}"
    read = ", ".join(dict.fromkeys(("id", owner_column, *columns)))
    op.execute(f"grant select ({read}) on {table} to {search}")
    policy(table, f"{table}_search", to=roles().search, command="select", using="true")
    op.execute(
        f"""
        create function {name}(tenant uuid, query text) returns setof uuid
        language sql stable security definer rows 100 set search_path = pg_catalog, public, pg_temp
        as $$ select id from public.{table} where {mine} and ({condition}) $$
        """
    )
    callable_by(f"{name}(uuid, text)", app=True)
    _give(f"{name}(uuid, text)", search)


def drop_search_function(name: str, table: str) -> None:
    """Undo `search_function` on a table that stays. The schema's owner may drop what others own in it."""
    op.execute(f"drop function {name}(uuid, text)")
    op.execute(f"drop policy {table}_search on {table}")
    op.execute(f"revoke all on {table} from {quoted(roles().search)}")


def _give(function: str, role: str) -> None:
    """A function's new owner must be allowed to create in its schema, at that moment only; nobody else sees the moment."""
    op.execute(f"grant create on schema public to {role}")
    op.execute(f"alter function {function} owner to {role}")
    op.execute(f"revoke create on schema public from {role}")


def _search_role() -> str:
    """The quoted role that owns search functions. Raises `ConfigurationError` with what an administrator has to run."""
    name = roles().search
    found = op.get_bind().exec_driver_sql(
        "select coalesce((select pg_has_role(current_user, oid, 'SET') from pg_roles where rolname = $1), false), current_user", (name,)
    )
    able, owner = found.one()
    if not able:
        raise ConfigurationError(
            f"The migration needs the role {name} to give search functions to. As an administrator run: "
            f"create role {quoted(name)} nologin; grant {quoted(name)} to {quoted(owner)} with inherit false, set true;"
        )
    return quoted(name)


def notify_access(table: str, user_column: str, watched: Sequence[str] = ()) -> None:
    """Tell every process (NOTIFY on `access_changed`) that what a user may do has changed, when a row of `table` is written.

    With `watched` columns: only by an update that changes one of them. The payload is the user's id.
    """
    events, when = "insert or update or delete", ""
    if watched:
        events = "update"
        changed = " or ".join(f"old.{column} is distinct from new.{column}" for column in watched)
        when = f" when ({changed})"
    op.execute(
        f"create trigger {table}_access after {events} on {table} for each row{when} execute function notify_access('{user_column}')"
    )
