"""HTTP: translates the outside into messages and back."""
