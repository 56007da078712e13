"""Imports of files, whatever they contain: records, mappings, refused rows, resumption and progress."""
