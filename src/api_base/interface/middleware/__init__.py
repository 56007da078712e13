"""The middlewares between the server and the routes. production.py has their order."""
