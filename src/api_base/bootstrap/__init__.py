"""The composition root: the only layer that imports all others."""
