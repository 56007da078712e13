"""Kills processes of a running application under write load, and counts what became of each write. See docs/chaos.md."""
