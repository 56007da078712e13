"""Adapters, selected by the scheme of a URL, and the optional packages that some of them need."""

from api_base.core.di.adapters import Adapter, Selection
from api_base.core.di.extras import EXTRAS, missing_extra
from api_base.core.di.urls import URL_ESCAPES, check_url

__all__ = ["EXTRAS", "URL_ESCAPES", "Adapter", "Selection", "check_url", "missing_extra"]
