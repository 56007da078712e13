"""Access log, metrics and spans of requests: recorded on the request path, written and sent in batches off it."""
