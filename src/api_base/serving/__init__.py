"""Processes and sockets: the supervisor, server and worker processes, draining and reload."""
