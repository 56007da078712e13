"""`api-base flags`: administer feature flags, by the messages and with the permissions of the API."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from typing import BinaryIO

    from api_base.application.common.cqrs import Message
    from api_base.application.flags.dtos import FlagDTO

app = typer.Typer(
    no_args_is_help=True,
    help="Administer feature flags. Approve or reject proposals over HTTP: there each of the two persons has logged in.",
)

Key = Annotated[str, typer.Argument(help="Key of the flag.")]
Email = Annotated[str, typer.Option("--as", help="E-mail address of the administrator of the platform who acts.", envvar="API_BASE_AS")]
Version = Annotated[int | None, typer.Option(help="Change the flag only if it is at this version.")]


@app.command("list")
def list_(email: Email, archived: Annotated[bool, typer.Option(help="List archived flags instead.")] = False) -> None:
    """Print the flags, one per line, by key."""
    from api_base.application.common.listing import MAX_LIMIT, ListRequest
    from api_base.application.flags.queries import ListFlags
    from api_base.domain.common.specification import ComparisonOperator, FieldSpecification

    cursor, more = None, True
    while more:
        only = FieldSpecification[Any]("archived", ComparisonOperator.EQ, archived)
        page = _run(email, ListFlags(request=ListRequest(specification=only, limit=MAX_LIMIT, cursor=cursor)))
        for flag in page.items:
            _print(flag)
        cursor, more = page.next_cursor, page.next_cursor is not None


@app.command()
def get(key: Key, email: Email) -> None:
    """Print a flag as JSON."""
    from api_base.application.flags.queries import GetFlag

    _print_json(_run(email, GetFlag(key=key)))


@app.command("set")
def set_(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON file with the members to set; - for standard input.")],
    email: Email,
    key: Annotated[str | None, typer.Option(help="Key of the flag to change, by a merge patch [RFC 7396]. Default: create a flag.")] = None,
    version: Version = None,
    propose: Annotated[bool, typer.Option("--propose", help="Propose the change of a protected flag.")] = False,
) -> None:
    """Create a flag, or change one.

    The members are definition, description, owner, protected, tracked, stale_after and, of a change, archived: docs/flags.md.
    """
    from api_base.application.flags.commands.change_flag import ChangeFlag, CreateFlag
    from api_base.application.flags.commands.propose_change import ProposeFlagChange

    if key is None and (propose or version is not None):
        raise typer.BadParameter("needs --key", param_hint="--propose" if propose else "--version")
    document = _read(file)
    if key is None:
        _print(_run(email, CreateFlag(document=document)))
    elif propose:
        _print_json(_run(email, ProposeFlagChange(key=key, expected_version=version, patch=document)))
    else:
        _print(_run(email, ChangeFlag(key=key, expected_version=version, patch=document)))


@app.command()
def off(key: Key, email: Email, version: Version = None) -> None:
    """Switch a flag off: the kill switch, of a protected flag too."""
    _switch(key, email, version, enabled=False)


@app.command()
def on(key: Key, email: Email, version: Version = None) -> None:
    """Switch a flag on. A protected flag needs a proposal."""
    _switch(key, email, version, enabled=True)


@app.command()
def stale(email: Email) -> None:
    """List flags that are ready to be removed from the code, with the reasons. Exit code 1 if there are any."""
    from api_base.application.flags.queries import ListStaleFlags

    found = _run(email, ListStaleFlags())
    for flag in found:
        print(f"{flag.key}: {', '.join(flag.reasons)}" + (f" ({flag.owner})" if flag.owner else ""))
    raise typer.Exit(1 if found else 0)


def _switch(key: str, email: str, version: int | None, *, enabled: bool) -> None:
    from api_base.application.flags.commands.change_flag import SwitchFlag

    _print(_run(email, SwitchFlag(key=key, expected_version=version, enabled=enabled)))


def _read(file: "BinaryIO") -> dict[str, Any]:
    from api_base.core.errors import ConfigurationError
    from api_base.core.errors.json_syntax import json_reason
    from api_base.core.shared.strict_json import strict_json

    try:
        found = strict_json(file.read())
    except ValueError as error:
        raise ConfigurationError(f"The file is not JSON: {json_reason(str(error))}.") from None
    if not isinstance(found, dict):
        raise ConfigurationError("The file must contain a JSON object.")
    return found


def _print(flag: "FlagDTO") -> None:
    if flag.archived:
        state = "archived"
    elif isinstance(flag.definition, dict):
        state = "on" if flag.definition.get("enabled", True) else "off"
    else:
        state = "not valid"
    print(
        f"{flag.key}  {state}{'  protected' if flag.protected else ''}  version {flag.version}"
        + (f"  ({flag.owner})" if flag.owner else "")
    )


def _print_json(dto: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(dto, enc_hook=str)).decode())


def _run[T](email: str, message: "Message[T]") -> T:
    from api_base.cli.running import run
    from api_base.operations.flag_admin import administer

    return run(lambda settings, contexts: administer(settings, contexts, email, message))
