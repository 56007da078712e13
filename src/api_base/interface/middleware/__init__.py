"""The middlewares between the server and the routes. production.py defines their order."""
