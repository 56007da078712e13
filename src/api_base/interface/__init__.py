"""HTTP: translates requests into messages, and results into responses."""
