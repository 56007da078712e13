"""Access log, metrics and spans of requests: noted in passing, written and sent in batches off the response path."""
