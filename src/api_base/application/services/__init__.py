"""Services that several use cases share."""
