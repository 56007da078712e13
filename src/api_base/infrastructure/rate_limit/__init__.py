"""Counting how often something happens."""
