"""Adapters, selected by the scheme of a URL, and the optional packages that some of them need."""

from api_base.core.di.adapters import Adapter, Selection
from api_base.core.di.extras import EXTRAS, missing_extra

__all__ = ["EXTRAS", "Adapter", "Selection", "missing_extra"]
