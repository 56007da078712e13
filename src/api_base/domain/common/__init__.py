"""Building blocks of every context's rules: specifications, value objects, events."""
