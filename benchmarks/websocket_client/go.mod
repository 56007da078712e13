module websocket_client

go 1.24
