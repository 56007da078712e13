"""What is done about the audit trail."""
