"""`api-base openapi`: print the OpenAPI document."""


def openapi() -> None:
    """Print the OpenAPI document of the API as JSON."""
    import json

    from api_base.bootstrap.application import create_app
    from api_base.bootstrap.contexts import contexts_of
    from api_base.core.config import load_settings

    settings = load_settings()
    print(json.dumps(create_app(settings, contexts_of(settings)).openapi(), indent=2, sort_keys=True, ensure_ascii=False))
