"""What can be asked about jobs. The handlers are adapters: infrastructure/tasks/queries.py."""
