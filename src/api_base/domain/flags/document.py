"""The JSON form of a flag: what the API and the CLI send, and what the database stores as jsonb. All violations are reported together."""

import json
import re
from collections.abc import Mapping
from datetime import UTC
from functools import partial
from typing import Any, Final

from api_base.core.errors import Invalid, Violation
from api_base.domain.flags.definition import (
    TENANT,
    USER,
    WHOLE,
    Condition,
    FlagDefinition,
    FlagType,
    FlagValue,
    Operand,
    Operator,
    Prerequisite,
    Rule,
)
from api_base.domain.flags.reading import Reader, step
from api_base.domain.flags.values import MAX_BYTES, ORDERS, lower_id, read_operand, read_tenant, read_value

MAX_VIOLATIONS: Final = 100
"""Of one definition that are reported."""
MAX_VARIANTS: Final = 64
MAX_RULES: Final = 64
MAX_CONDITIONS: Final = 16
MAX_VALUES: Final = 500
"""Of one condition."""
MAX_PREREQUISITES: Final = 16
MAX_TENANTS: Final = 500

KEY: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
VARIANT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
ATTRIBUTE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,63}")
_KEY: Final = "must be 1 to 100 characters of a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends"
_VARIANT: Final = "must be 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends"
_ATTRIBUTE: Final = "must be 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-', with a letter or '_' first"


def parse(document: object) -> FlagDefinition:
    """Return the flag that `document` describes (docs/flags.md). Raises `Invalid` with JSON pointers into the document."""
    _check_count(document)
    reader = _FlagReader()
    flag = reader.flag(document)
    if len(reader.violations) > MAX_VIOLATIONS:
        more = f"has {len(reader.violations)} errors, of which the first {MAX_VIOLATIONS} are listed"
        raise Invalid([*reader.violations[:MAX_VIOLATIONS], Violation("", "too_many_errors", more)])
    if reader.violations or flag is None:
        raise Invalid(reader.violations)
    size = len(json.dumps(to_document(flag), ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_BYTES:
        raise _too_big()
    return flag


def _check_count(document: object) -> None:
    """Refuse a document with more values than `MAX_BYTES` can hold, before each of them costs time."""
    found, left = [iter((document,))], MAX_BYTES // 2
    while found:
        for one in found.pop():
            left -= 1
            if left < 0:
                raise _too_big()
            if isinstance(one, Mapping | list):
                found.append(iter(one.values() if isinstance(one, Mapping) else one))


def _too_big() -> Invalid:
    return Invalid.of("", "too_big", f"is larger than {MAX_BYTES} bytes of JSON")


def to_document(flag: FlagDefinition) -> dict[str, Any]:
    """Return the JSON form of `flag`, which `parse` reads. Members with their default are left out."""
    found: dict[str, Any] = {
        "key": flag.key,
        "type": flag.type.value,
        "variants": dict(flag.variants),
        "default_variant": flag.default_variant,
        "enabled": flag.enabled,
        "client": flag.client,
    }
    if flag.off_variant is not None:
        found["off_variant"] = flag.off_variant
    if flag.rules:
        found["rules"] = [_rule_document(rule) for rule in flag.rules]
    if flag.prerequisites:
        found["prerequisites"] = [{"key": one.key, "variant": one.variant} for one in flag.prerequisites]
    for name, time in (("starts_at", flag.starts_at), ("ends_at", flag.ends_at)):
        if time is not None:
            found[name] = time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if flag.tenants:
        found["tenants"] = list(flag.tenants)
    return found


def _rule_document(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {
        "conditions": [{"attribute": one.attribute, "operator": one.operator.value, "values": list(one.values)} for one in rule.conditions]
    }
    if rule.split is None:
        return found | {"variant": rule.variant}
    found |= {"split": dict(rule.split), "bucket_by": rule.bucket_by}
    return found if rule.salt is None else found | {"salt": rule.salt}


class _FlagReader(Reader):
    """Reads a flag."""

    def flag(self, document: object) -> FlagDefinition | None:
        required = {"key", "type", "variants", "default_variant"}
        optional = {"off_variant", "enabled", "client", "rules", "prerequisites", "starts_at", "ends_at", "tenants"}
        members = self.members(document, "", required, optional)
        if members is None:
            return None
        key, kind = self.name(members, "key", "", KEY, _KEY), self.choice(members, "type", "", FlagType)
        variants = self._variants(members.get("variants"), kind)
        default = self._variant(members.get("default_variant"), "/default_variant", variants)
        off = self._variant(members.get("off_variant"), "/off_variant", variants)
        starts, ends = self.time(members, "starts_at"), self.time(members, "ends_at")
        if starts is not None and ends is not None and ends <= starts:
            self.refuse("/ends_at", "order", "must be after starts_at")
        rules = self.elements(members.get("rules"), "/rules", MAX_RULES, lambda one, at: self._rule(one, at, variants))
        prerequisites = self.elements(members.get("prerequisites"), "/prerequisites", MAX_PREREQUISITES, self._prerequisite)
        tenants = self.elements(members.get("tenants"), "/tenants", MAX_TENANTS, read_tenant)
        if members.get("tenants") == []:
            self.refuse("/tenants", "count", "must not be empty. Leave it out for all tenants")
        enabled, client = self.truth(members, "enabled", default=True), self.truth(members, "client", default=False)
        if key is None or kind is None or default is None:
            return None
        if any(one.key == key for one in prerequisites):
            self.refuse("/prerequisites", "cycle", f"of the flag {key} make a cycle: {key} -> {key}")
        return FlagDefinition(
            key=key,
            type=kind,
            variants=variants,
            default_variant=default,
            off_variant=off,
            enabled=enabled,
            client=client,
            rules=rules,
            prerequisites=prerequisites,
            starts_at=starts,
            ends_at=ends,
            tenants=tenants,
        )

    def _variants(self, value: object, kind: FlagType | None) -> dict[str, FlagValue]:
        """Return the variants, those with a wrong value too: other members may name them. Without any, nothing is said about these."""
        if not isinstance(value, Mapping):
            if value is not None:
                self.refuse("/variants", "type", "must be an object of variants and their values")
            return {}
        if not 1 <= len(value) <= MAX_VARIANTS:
            self.refuse("/variants", "count", f"has {len(value)} variants; 1 to {MAX_VARIANTS} are allowed")
            return {}
        found: dict[str, FlagValue] = {}
        for name, one in value.items():
            pointer = f"/variants/{step(name)}"
            if not isinstance(name, str) or not VARIANT.fullmatch(name):
                self.refuse(pointer, "name", _VARIANT)
                continue
            read = None if kind is None else self.attempt(partial(read_value, one, kind, pointer))
            found[name] = False if read is None else read
        return found

    def _variant(self, value: object, pointer: str, variants: Mapping[str, FlagValue]) -> str | None:
        if value is None or not variants:
            return None
        if isinstance(value, str) and value in variants:
            return value
        self.refuse(pointer, "unknown", "must name one of the variants")
        return None

    def _prerequisite(self, value: object, pointer: str) -> Prerequisite | None:
        members = self.members(value, pointer, {"key", "variant"}, set())
        if members is None:
            return None
        key, variant = self.name(members, "key", pointer, KEY, _KEY), self.name(members, "variant", pointer, VARIANT, _VARIANT)
        return None if key is None or variant is None else Prerequisite(key=key, variant=variant)

    def _rule(self, value: object, pointer: str, variants: Mapping[str, FlagValue]) -> Rule | None:
        members = self.members(value, pointer, set(), {"conditions", "variant", "split", "bucket_by", "salt"})
        if members is None:
            return None
        conditions = self.elements(members.get("conditions"), f"{pointer}/conditions", MAX_CONDITIONS, self._condition)
        given = {name: one for name, one in members.items() if one is not None}
        if ("variant" in given) == ("split" in given):
            raise Invalid.of(pointer, "choice", "must have either a variant or a split")
        if "variant" in given:
            for name in given.keys() & {"bucket_by", "salt"}:
                self.refuse(f"{pointer}/{name}", "unused", "is only for a rule with a split")
            return Rule(conditions=conditions, variant=self._variant(given["variant"], f"{pointer}/variant", variants))
        return Rule(
            conditions=conditions,
            split=self._split(given["split"], f"{pointer}/split", variants),
            bucket_by=self._attribute(given, "bucket_by", pointer) or USER,
            salt=self.name(given, "salt", pointer, KEY, _KEY),
        )

    def _split(self, value: object, pointer: str, variants: Mapping[str, FlagValue]) -> Mapping[str, int]:
        if not isinstance(value, Mapping) or not 1 <= len(value) <= MAX_VARIANTS:
            raise Invalid.of(pointer, "type", "must be an object of variants and their weights")
        for name, weight in value.items():
            if variants and name not in variants:
                raise Invalid.of(f"{pointer}/{step(name)}", "unknown", "must name one of the variants")
            if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= WHOLE:
                raise Invalid.of(f"{pointer}/{step(name)}", "range", f"must be an integer from 0 to {WHOLE}, in hundredths of a percent")
        if (total := sum(value.values())) != WHOLE:
            raise Invalid.of(pointer, "sum", f"has weights with the sum {total}; it must be {WHOLE}, which is 100 %")
        return {name: value[name] for name in sorted(value)}

    def _condition(self, value: object, pointer: str) -> Condition | None:
        members = self.members(value, pointer, {"attribute", "operator", "values"}, set())
        if members is None:
            return None
        attribute, operator = self._attribute(members, "attribute", pointer), self.choice(members, "operator", pointer, Operator)
        values: tuple[Operand, ...] = self.elements(
            members.get("values"), f"{pointer}/values", MAX_VALUES, lambda one, at: read_operand(one, operator, at)
        )
        if attribute in {USER, TENANT}:
            values = tuple(lower_id(one) for one in values)
        if members.get("values") == []:
            self.refuse(f"{pointer}/values", "count", "must not be empty")
        if operator in ORDERS and len(values) > 1:
            self.refuse(f"{pointer}/values", "count", f"must be one number for the operator {operator}")
        return None if attribute is None or operator is None else Condition(attribute=attribute, operator=operator, values=values)

    def _attribute(self, members: Mapping[str, Any], member: str, pointer: str) -> str | None:
        if members.get(member) == "targetingKey":
            self.refuse(f"{pointer}/{member}", "name", f"must not be targetingKey: use {USER}")
            return None
        return self.name(members, member, pointer, ATTRIBUTE, _ATTRIBUTE)
