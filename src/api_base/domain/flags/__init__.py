"""Feature flags: what a flag is, and which value it has for which caller."""
