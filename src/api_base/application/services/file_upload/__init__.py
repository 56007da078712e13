"""Uploads: begin (a row and a quota) → stream outside any transaction → complete → check → publish.

No transaction and no connection is held while bytes flow.
"""
