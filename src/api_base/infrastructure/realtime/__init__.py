"""Real-time delivery in PostgreSQL: the journal of channels, its sequencer, presence, and the fan-out of signals."""
