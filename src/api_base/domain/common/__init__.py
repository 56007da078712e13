"""What every context's rules are made of: specifications, value objects, events."""
