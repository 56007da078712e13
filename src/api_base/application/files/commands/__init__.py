"""Commands over files."""
