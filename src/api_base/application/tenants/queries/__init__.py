"""What can be asked about tenants. The handlers are adapters: infrastructure/tenants/queries.py."""
