"""`api-base openapi`: the API's description."""


def openapi() -> None:
    """Print the OpenAPI document."""
    import json

    from api_base.main import create_app

    print(json.dumps(create_app().openapi(), indent=2, sort_keys=True, ensure_ascii=False))
