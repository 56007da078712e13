"""Importing items: from records of a file to commands, chunk by chunk."""

from api_base.application.items.importing.importer import Importer, Report
from api_base.application.items.importing.mapping import ItemMapping

__all__ = ["Importer", "ItemMapping", "Report"]
