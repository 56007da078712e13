"""What can be asked about the audit trail. The handlers are adapters: infrastructure/audit/queries.py."""
