"""Imports of files: readers, refused rows, and progress in the database (uploads) or in a local file (command line)."""
