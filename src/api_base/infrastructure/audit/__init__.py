"""Adapters of the audit trail: PostgreSQL, seals, signed heads, exports."""
