"""Files: what a tenant uploads, and the uploads on their way."""
