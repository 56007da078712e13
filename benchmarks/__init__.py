"""Measurements of this machine: `python -m benchmarks [name …]`. Ratios are taken round by round; absolute figures say little."""
