"""Older versions of the API: change modules say how they differ from the newest one, which is the code."""

from api_base.interface.versioning.changes import Change, EnumChanged, Renamed, Replaced, Split

__all__ = ["Change", "EnumChanged", "Renamed", "Replaced", "Split"]
