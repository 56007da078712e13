"""Administer feature flags. The context that evaluates them is `application/services/feature_flags`."""
