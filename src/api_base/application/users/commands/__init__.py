"""What changes users: each command stands beside its handler."""
