"""What can be asked about items. The handlers are adapters: infrastructure/items/queries.py."""
