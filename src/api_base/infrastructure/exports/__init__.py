"""The record of exports."""
