"""Batches: many operations in one transaction, all or nothing, or each for itself."""

from api_base.application.common.batch.run import BatchMode, run

__all__ = ["BatchMode", "run"]
