"""The fields of settings, and the variables that set them."""

import inspect
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that the field holds; None for a setting."""
    annotation = field.annotation
    return annotation if inspect.isclass(annotation) and issubclass(annotation, BaseModel) else None


def variables(settings: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Return every setting with its variable, without the sections."""
    for name, field in settings.model_fields.items():
        variable, section = f"{prefix}{name.upper()}", section_of(field)
        if section is None:
            yield variable, field
        else:
            yield from variables(section, f"{variable}__")


def is_secret(annotation: object) -> bool:
    """Return whether a value of this type must not be shown."""
    return annotation is SecretStr or any(is_secret(part) for part in get_args(annotation))
