"""Benchmarks: `python -m benchmarks [name …]`. They compare pairs round by round; absolute figures depend on the machine."""
