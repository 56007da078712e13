"""Policies for outbound calls: each adapter calls its dependency through one. Inbound traffic never does."""
