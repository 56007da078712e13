"""A resource as its module declares it, read from the syntax tree: what commands, queries and jobs on it need to know."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import libcst as cst
from libcst import matchers as m

from api_base.core.errors import ConfigurationError
from api_base.core.shared.naming import in_path
from api_base.generating.field_types import TYPES, FieldType
from api_base.generating.names import identifier
from api_base.generating.owner import Owner
from api_base.generating.staging import Staging
from api_base.generating.syntax_tree import attributes_in

_ANNOTATED: Final = re.compile(r"Annotated\[(\w+), .*\]", re.DOTALL)
_SLUG: Final = re.compile(r"\bSlugRule\(")
"""The values that tests of messages send are no slugs."""
_PLAIN: Final[Mapping[str, FieldType]] = {one.shown.removesuffix("DTO"): one for one in reversed(list(TYPES.values()))}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedField:
    """A field of the resource that a message has too. `annotation` is its type without rules, `shown` that of its DTO. `sent` and `changed` are values of JSON."""

    name: str
    annotation: str
    shown: str
    nullable: bool
    sent: str
    changed: str
    imports: tuple[str, ...]

    @property
    def optional(self) -> str:
        """What follows a type that may be null."""
        return " | None" * self.nullable

    @property
    def is_money(self) -> bool:
        """Whether the body has another type than the command."""
        return self.annotation == "Money"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredResource:
    """The call `constant = crud(cls, dto, name=context, key=key)` in `module`."""

    package: str
    context: str
    module: str
    constant: str
    cls: str
    dto: str
    key: str | None
    code: str

    @property
    def singular(self) -> str:
        """The name of one, as the base derives it from the class."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.cls).lower()

    @property
    def path(self) -> str:
        """The path below the prefix."""
        return f"/{in_path(self.context)}"

    @property
    def attributes(self) -> Mapping[str, str]:
        """The annotations of its fields."""
        return attributes_in(self.code, self.cls)

    @property
    def owner(self) -> Owner:
        """Whose its rows are."""
        return Owner.TENANT if "tenant_id" in self.attributes else Owner.USER if "user_id" in self.attributes else Owner.NONE

    def fields(self, names: Sequence[str]) -> list[NamedField]:
        """Return its fields of these names. Raises `ConfigurationError` without one, and for a name or a type that cannot be."""
        own = {name: one for name, one in self.attributes.items() if name not in ("tenant_id", "user_id")}
        if not names:
            raise ConfigurationError(f"Name at least one field of {self.cls}: {', '.join(own)}.")
        if missing := next((name for name in names if name not in own), None):
            raise ConfigurationError(f"{self.cls} has no field {missing!r}. Name fields of it: {', '.join(own)}.")
        return [self._field(name, own[name]) for name in dict.fromkeys(names)]

    def _field(self, name: str, annotation: str) -> NamedField:
        plain = annotation.removesuffix(" | None")
        nullable = plain != annotation
        if (found := _ANNOTATED.fullmatch(plain)) and not _SLUG.search(plain):
            plain = found[1]
        if type := _PLAIN.get(plain):
            imports = tuple(one for one in type.imports if not one.startswith("from typing"))
            shown, sent, changed = type.shown, type.sent, type.changed
        elif len(values := list(_values_of(self.code, plain))) > 1:
            imports, shown, sent, changed = (f"from {self.module} import {plain}",), plain, values[0], values[1]
        else:
            raise ConfigurationError(
                f"The field {name!r} of {self.cls} is {annotation}, which no message can be generated for. Write it by hand."
            )
        return NamedField(name=name, annotation=plain, shown=shown, nullable=nullable, sent=sent, changed=changed, imports=imports)


def declared_resource(staging: Staging, context: str) -> DeclaredResource:
    """Return the resource of a context. Raises `ConfigurationError` for a context that has none."""
    folder = f"src/{staging.package}/{identifier(context, 'a context')}"
    for file in sorted((staging.folder / folder).glob("*.py")):
        code = staging.read(f"{folder}/{file.name}")
        for constant, call in _cruds(cst.parse_module(code)):
            cls, dto = (cst.Module([]).code_for_node(one.value) for one in call.args[:2])
            return DeclaredResource(
                package=staging.package,
                context=context,
                module=f"{staging.package}.{context}.{file.stem}",
                constant=constant,
                cls=cls,
                dto=dto,
                key=_text(call, "key"),
                code=code,
            )
    if (staging.folder / folder).is_dir():
        raise ConfigurationError(
            f"{folder} declares no resource by crud(…), which this is generated for. Write it by hand, beside its messages."
        )
    raise ConfigurationError(f"{folder} declares no resource by crud(…). Run: api-base generate resource {context} FIELD:TYPE…")


def _cruds(tree: cst.Module) -> Iterator[tuple[str, cst.Call]]:
    for line in m.findall(tree, m.Assign(targets=[m.AssignTarget(target=m.Name())], value=m.Call(func=m.Name("crud")))):
        assert isinstance(line, cst.Assign)
        target, call = line.targets[0].target, line.value
        if isinstance(target, cst.Name) and isinstance(call, cst.Call) and len(call.args) > 1:
            yield target.value, call


def _text(call: cst.Call, keyword: str) -> str | None:
    """Return the text that a call is given as `keyword`, or None."""
    for one in call.args:
        if one.keyword is not None and one.keyword.value == keyword and isinstance(one.value, cst.SimpleString):
            return str(one.value.evaluated_value)
    return None


def _values_of(code: str, enumeration: str) -> Iterator[str]:
    """Yield the values of an enumeration that the module declares, as code."""
    for one in cst.parse_module(code).body:
        if isinstance(one, cst.ClassDef) and one.name.value == enumeration:
            for part in m.findall(one, m.Assign(value=m.SimpleString())):
                assert isinstance(part, cst.Assign)
                assert isinstance(part.value, cst.SimpleString)
                yield part.value.value
