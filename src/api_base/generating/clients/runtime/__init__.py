"""What the client for Python of every API has: `api-base openapi python` writes it beside the operations of one API."""
