"""`api-base graphql`: print the GraphQL schema."""


def graphql() -> None:
    """Print the GraphQL schema of the API. Fails for a context whose part of it cannot be built."""
    from api_base.application.common.cqrs import Bus
    from api_base.bootstrap.configuration import load
    from api_base.bootstrap.graphql import graphql_schema

    _, contexts = load()
    bus = Bus(())
    routers = [(context.prefix, context.routes(bus)) for context in contexts if context.routes is not None]
    print(graphql_schema(contexts, routers)().as_str())
