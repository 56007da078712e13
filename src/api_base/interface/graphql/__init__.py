"""GraphQL over the messages of all contexts. Only `declared.py` is imported at start: the rest needs Strawberry, with the first request."""
