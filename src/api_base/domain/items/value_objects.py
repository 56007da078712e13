"""The parts of an item and their limits."""

from enum import StrEnum
from typing import Final

from api_base.domain.common.text import TextRule

SKU: Final = TextRule(max_length=64, key=True)
NAME: Final = TextRule(max_length=200)
DESCRIPTION: Final = TextRule(max_length=10_000, lines=True, optional=True)
CATEGORY: Final = TextRule(max_length=100, key=True)
TAG: Final = TextRule(max_length=50, key=True)
TAGS: Final = 50
PRICES: Final = 50
ATTRIBUTES_BYTES: Final = 16_384


class ItemStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"
