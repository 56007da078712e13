"""Mistakes in versions of events, as changes of `shop`, each with what the check says."""

from typing import Final

from tests.unit.wiring.mistakes import Mistake

RENAMED: Final = """@dataclass(frozen=True, slots=True, kw_only=True)
class GoodRenamed(DomainEvent):
    name = "shop.renamed.v1"
"""
OLDER: Final = """@dataclass(frozen=True, slots=True, kw_only=True)
class OlderRenamed(DomainEvent):
    name = "{name}"
    tenant_id: UUID


"""
BOTH: Final = "    @classmethod\n    def upcast(cls, older): ...\n\n    def downcast(self): ...\n\n"


def newer(older: str, methods: str = BOTH) -> str:
    """Return the source of the event as the version after one with the name `older`."""
    name = 'name = "shop.renamed.v1"\n    older = OlderRenamed\n'
    return OLDER.format(name=older) + RENAMED.replace('name = "shop.renamed.v1"\n', name) + methods


EVENTS: Final = (
    Mistake(
        "an older version of another event",
        RENAMED,
        newer("shop.moved.v0"),
        "class GoodRenamed(",
        "GoodRenamed.older is OlderRenamed, whose name is not that of an older version of shop.renamed.v1. Name it shop.renamed.v0.\n"
        "«        Channel(»: Context.channels: shop.moved.v0 has no declaration: add a PublicEvent, or Unpublished with the reason.",
    ),
    Mistake(
        "an older version that is not older",
        RENAMED,
        newer("shop.renamed.v1"),
        "class GoodRenamed(",
        "GoodRenamed.older is OlderRenamed, whose name is not that of an older version of shop.renamed.v1. Name it shop.renamed.v0.\n"
        "«class OlderRenamed(»: Two events have the name 'shop.renamed.v1', the first at «class GoodRenamed(». Rename one, or raise its version.\n"
        "«        PublicEvent(event=»: Context.channels: shop.renamed.v1 has no field 'title'.",
    ),
    Mistake(
        "a newer version that is not made of the older one",
        RENAMED,
        newer("shop.renamed.v0", ""),
        "class GoodRenamed(",
        "GoodRenamed has an older version and no upcast. Write it: it makes one of the other.\n"
        "«class GoodRenamed(»: GoodRenamed has an older version and no downcast. Write it: it makes one of the other.\n"
        "«        Channel(»: Context.channels: shop.renamed.v0 has no declaration: add a PublicEvent, or Unpublished with the reason.",
    ),
)
