"""What a context declares about its imports: the target fields, and how their values become a row.

`text`, `texts` and `group` read values for `ImportSchema.row`. They raise `Invalid` for a value of another type.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from api_base.application.common.importing.decimals import plain_decimal
from api_base.core.errors import Invalid
from api_base.core.shared.json_depth import too_deep
from api_base.core.shared.strict_json import strict_json

MAX_TEXTS: Final = 1000
"""Values in one field: a hundred targets may read the same field."""
type Values = Mapping[str, object]
"""The values of a record by target field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A field that a column can be mapped to. Without a mapping, the column of a `multiple` target holds comma-separated values.

    A `decimal` target is a number: it may have a decimal comma, an exponent and trailing zeros.
    """

    name: str
    required: bool = False
    multiple: bool = False
    decimal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSchema[T]:
    """How records become rows of type `T`.

    `kind` names the import, as in `api-base import KIND`. The target `key` identifies a row: a file must not repeat it, and `key_of` returns
    it. `row` makes a row; `check_constants` checks constants before any row is read; both raise `Invalid`. `group` allows the free targets
    `<group>.<name>`.
    """

    kind: str
    targets: tuple[Target, ...]
    key: str
    key_of: Callable[[T], str]
    row: Callable[[Values], T]
    check_constants: Callable[[Mapping[str, str]], None]
    group: str | None = None

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of the targets, as messages list them."""
        return (*(target.name for target in self.targets), *((f"{self.group}.NAME",) if self.group else ()))

    def accepts(self, name: str) -> bool:
        """Whether `name` is a target."""
        free = self.group is not None and name.startswith(f"{self.group}.") and name != f"{self.group}."
        return free or any(target.name == name for target in self.targets)


type SchemaOf[T] = Callable[[int | None], ImportSchema[T]]
"""Returns the declaration that a version of the API has; that of the newest one for None."""


def json_text(text: str) -> object:
    """The value of JSON text; the text itself if it is none."""
    try:
        return text if too_deep(text.encode()) else strict_json(text.encode())
    except ValueError:
        return text


def text(values: Values, target: str) -> str:
    """The text of `target`; empty if it is missing."""
    return as_text(values.get(target), target)


def texts(values: Values, target: str) -> list[str]:
    """The texts of `target`: a list, or text that is split at commas. Blank ones are left out."""
    return as_texts(values.get(target), target)


def group(values: Values, name: str) -> dict[str, object]:
    """The values of the free targets `<name>.…` that are not empty."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix) and value not in (None, "")}


def as_text(value: object, target: str) -> str:
    """`value` of a target as text: a number in plain decimals. Raises `Invalid`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | list | Mapping):
        raise Invalid.of(f"/{target}", "type", "must be text or a number")
    if isinstance(value, float):
        return str(plain_decimal(value, target, comma=False))
    return "" if value is None else str(value)


def as_texts(value: object, target: str) -> list[str]:
    """`value` of a target as a list of at most `MAX_TEXTS` texts: a list, text with commas, or text that is a list in JSON. Raises `Invalid`."""
    if value is None:
        return []
    if isinstance(value, str) and value.startswith("["):
        value = json_text(value)
    parts = value if isinstance(value, list) else as_text(value, target).split(",", MAX_TEXTS)
    if len(parts) > MAX_TEXTS:
        raise Invalid.of(f"/{target}", "too_many", f"has more than {MAX_TEXTS} values")
    return [part for part in (as_text(one, target).strip() for one in parts) if part]
