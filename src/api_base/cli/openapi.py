"""`api-base openapi`: the OpenAPI document, always in the same order, so that a difference is a change."""

import json

import typer


def register(app: typer.Typer) -> None:
    app.command("openapi")(openapi)


def openapi() -> None:
    """Print the OpenAPI document as JSON. Needs no database."""
    from api_base.bootstrap.application import create_app
    from api_base.bootstrap.installed import installed_contexts
    from api_base.core.config import load_settings

    document = create_app(load_settings(), installed_contexts()).openapi()
    typer.echo(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False))
