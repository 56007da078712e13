"""`api-base messages`: list the messages of the application."""

from typing import Annotated

import typer


def messages(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every message by its context: message, handler, permission, context, and the tables that the handler touches, as far as it says."""
    from api_base.bootstrap.configuration import load
    from api_base.cli.columns import print_columns, print_json
    from api_base.operations.inventory import declared_messages

    found = declared_messages(*load())
    if json:
        print_json(found)
    else:
        print_columns([(one.message, one.handler, one.permission, one.context, ",".join(one.tables)) for one in found])
