"""Imports of files: readers, refused rows, and progress in the database."""
