"""Configuration, errors, ports and types, for every layer. Depends on no other layer."""
