"""Batches: many operations in one transaction, atomic or independent."""

from api_base.application.common.batch.run import BatchMode, run

__all__ = ["BatchMode", "run"]
