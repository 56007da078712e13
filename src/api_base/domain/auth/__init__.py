"""Sessions: that somebody has logged in, and stays so."""
