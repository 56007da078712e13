"""Everything about a flag that an administrator sets, and the rules that all flags keep together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from api_base.core.base import ValueObject
from api_base.core.errors import Invalid
from api_base.domain.common.text import TextRule
from api_base.domain.flags.definition import FlagDefinition, check_graph
from api_base.domain.flags.document import parse, to_document
from api_base.domain.flags.errors import TooManyFlags
from api_base.domain.flags.reading import Reader

DESCRIPTION: Final = TextRule(max_length=2000, lines=True, optional=True)
OWNER: Final = TextRule(max_length=200, optional=True)
MAX_FLAGS: Final = 1000
"""Flags that are not archived: each process holds them in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagSettings(ValueObject):
    """`owner` says who answers for the flag, a person or a team. A `protected` flag is changed by two administrators.

    An `archived` flag has no effect: for evaluations it does not exist. The exposures of a `tracked` flag become events. From `stale_after` on the list of stale flags contains the flag.
    """

    definition: FlagDefinition
    description: str = ""
    owner: str = ""
    protected: bool = False
    archived: bool = False
    tracked: bool = False
    stale_after: datetime | None = None

    def document(self) -> dict[str, Any]:
        """Return the JSON form, which `parse_settings` reads."""
        return {
            "definition": to_document(self.definition),
            "description": self.description,
            "owner": self.owner,
            "protected": self.protected,
            "archived": self.archived,
            "tracked": self.tracked,
            "stale_after": None if self.stale_after is None else self.stale_after.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }


def parse_settings(document: object) -> FlagSettings:
    """Return the settings that `document` describes; absent members have their defaults. Raises `Invalid` with all that is wrong."""
    reader = Reader()
    members = reader.members(document, "", {"definition"}, {"description", "owner", "protected", "archived", "tracked", "stale_after"})
    if members is None:
        raise Invalid(reader.violations)
    definition = reader.attempt(lambda: _definition(members))
    description = reader.attempt(lambda: _text(members, "description", DESCRIPTION))
    owner = reader.attempt(lambda: _text(members, "owner", OWNER))
    protected, archived, tracked = (reader.truth(members, name, default=False) for name in ("protected", "archived", "tracked"))
    stale_after = reader.time(members, "stale_after")
    if reader.violations or definition is None or description is None or owner is None:
        raise Invalid(reader.violations)
    return FlagSettings(
        definition=definition,
        description=description,
        owner=owner,
        protected=protected,
        archived=archived,
        tracked=tracked,
        stale_after=stale_after,
    )


def _definition(members: Mapping[str, Any]) -> FlagDefinition | None:
    if members.get("definition") is None:
        return None
    try:
        return parse(members["definition"])
    except Invalid as error:
        raise error.under("/definition") from None


def _text(members: Mapping[str, Any], name: str, rule: TextRule) -> str:
    value = members.get(name, "")
    if not isinstance(value, str):
        raise Invalid.of(f"/{name}", "type", "must be text")
    return rule.parse(value, f"/{name}")


def check_together(flags: Iterable[FlagSettings]) -> None:
    """Check the flags that are not archived as a whole: their prerequisites, and that those of protected flags are protected too.

    Otherwise one person could change what a protected flag serves, by a flag that it depends on. Raises `Invalid`, `TooManyFlags`.
    """
    current = {flag.definition.key: flag for flag in flags if not flag.archived}
    if len(current) > MAX_FLAGS:
        raise TooManyFlags(MAX_FLAGS)
    try:
        check_graph(flag.definition for flag in current.values())
    except Invalid as error:
        raise error.under("/definition") from None
    for key, flag in current.items():
        for position, required in enumerate(flag.definition.prerequisites):
            if flag.protected and not current[required.key].protected:
                message = f"of the protected flag {key} names the flag {required.key}, which must be protected as well"
                raise Invalid.of(f"/definition/prerequisites/{position}/key", "protection", message)
