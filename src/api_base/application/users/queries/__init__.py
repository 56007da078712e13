"""What can be asked about users. The handlers are adapters: infrastructure/users/queries.py."""
