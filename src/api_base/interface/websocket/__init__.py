"""WebSockets [RFC 6455]: routes, connections, and the protocol of `/ws`."""
