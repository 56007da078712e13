"""Older versions of the API: change modules say how they differ from the newest one, which is the code."""

from api_base.interface.versioning.changes import Change, FirstOf, Renamed, Replaced
from api_base.interface.versioning.enum_changed import EnumChanged
from api_base.interface.versioning.split import Split

__all__ = ["Change", "EnumChanged", "FirstOf", "Renamed", "Replaced", "Split"]
