"""Exports of lists: who may take a whole list out, how often, and the record of it."""
