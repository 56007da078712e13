"""Typed clients of an API, from its OpenAPI document: `api-base openapi python` and `api-base openapi typescript`."""
