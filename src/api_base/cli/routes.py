"""`api-base routes`: list the routes of the application."""

from typing import Annotated

import typer


def routes(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every route by its path: method, path, endpoint, the messages that it sends, their permissions, and its guard.

    The guard says whether a token is required, optional or ignored, and which limits the route declares.
    """
    from api_base.bootstrap.configuration import load
    from api_base.cli.columns import print_columns, print_json
    from api_base.operations.inventory import declared_routes

    found = declared_routes(*load())
    if json:
        print_json(found)
    else:
        print_columns([(one.method, one.path, one.endpoint, ",".join(one.messages), ",".join(one.permissions), one.guard) for one in found])
