"""Services that several contexts share."""
