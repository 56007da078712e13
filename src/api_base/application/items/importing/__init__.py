"""Importing items: from records of a file to commands, chunk by chunk."""

from api_base.application.items.importing.importer import Importer, bus_sender
from api_base.application.items.importing.mapping import ItemMapping
from api_base.application.items.importing.records import Form, Record
from api_base.application.items.importing.report import Report

__all__ = ["Form", "Importer", "ItemMapping", "Record", "Report", "bus_sender"]
