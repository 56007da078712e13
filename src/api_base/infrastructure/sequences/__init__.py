"""Numbers without gaps, for each tenant."""
