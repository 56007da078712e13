"""What happens to a request before a route sees it: production.py, in order."""
