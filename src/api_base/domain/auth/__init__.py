"""Sessions of logged-in users, and the devices they log in from."""
