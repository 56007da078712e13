"""Imports of files, whatever they contain: records, mappings, refused rows, resumption and progress."""

from api_base.application.common.importing.import_file import ImportFile, ImportFileHandler
from api_base.application.common.importing.import_rows import ImportRowsHandler, RowImporter, RowsCommand
from api_base.application.common.importing.importer import Importer, Journal, Outcomes, RefusedRows
from api_base.application.common.importing.mapping import ColumnMapping, MappingRefused
from api_base.application.common.importing.records import FileFormat, Record, UnreadableFile
from api_base.application.common.importing.report import ImportResultDTO, Outcome, RefusedRow, Report
from api_base.application.common.importing.schema import ImportSchema, Target, Values, group, text, texts
from api_base.application.common.importing.start_import import StartedImportDTO, StartImport, StartImportHandler
from api_base.application.common.importing.uploads import ChunkProgress

__all__ = [
    "ChunkProgress",
    "ColumnMapping",
    "FileFormat",
    "ImportFile",
    "ImportFileHandler",
    "ImportResultDTO",
    "ImportRowsHandler",
    "ImportSchema",
    "Importer",
    "Journal",
    "MappingRefused",
    "Outcome",
    "Outcomes",
    "Record",
    "RefusedRow",
    "RefusedRows",
    "Report",
    "RowImporter",
    "RowsCommand",
    "StartImport",
    "StartImportHandler",
    "StartedImportDTO",
    "Target",
    "UnreadableFile",
    "Values",
    "group",
    "text",
    "texts",
]
