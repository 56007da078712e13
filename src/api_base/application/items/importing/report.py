"""What became of the rows of an import so far."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Report:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def rows(self) -> int:
        return self.created + self.updated + self.unchanged + self.refused
