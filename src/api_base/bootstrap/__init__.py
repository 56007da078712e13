"""The composition root: the only floor that knows all the others."""
