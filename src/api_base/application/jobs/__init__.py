"""The context `jobs`: what became of work that was begun by a request, and ending it early."""
