"""Search across the indexes of all contexts."""
