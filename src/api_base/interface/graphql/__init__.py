"""GraphQL: the schema, its limits and its transports."""
