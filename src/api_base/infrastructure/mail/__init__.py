"""Mail: shown on the console, or handed to an SMTP server."""
