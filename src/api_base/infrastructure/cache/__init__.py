"""Adapters of the cache, and what caches: `@cached` and the pipeline's stage for queries."""
