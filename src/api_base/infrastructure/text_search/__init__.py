"""The words of each tenant, and the functions of PostgreSQL that fold, read and compare them: for lists and for `/search`."""
