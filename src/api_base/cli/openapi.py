"""`api-base openapi`: print the OpenAPI document."""


def openapi() -> None:
    """Print the OpenAPI document of the API as JSON."""
    import json

    from api_base.bootstrap.application import create_app
    from api_base.bootstrap.configuration import load

    settings, contexts = load()
    print(json.dumps(create_app(settings, contexts).openapi(), indent=2, sort_keys=True, ensure_ascii=False))
