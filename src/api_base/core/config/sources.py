"""The fields of settings, and the environment and `.env` as their sources.

An empty value means that the setting is not set, as `${X:-}` of compose writes it. A list is a JSON array, or values separated by
commas. The bare name of a section (`MAIL`, `SERVER`) is never read: login shells and platforms set such variables for other programs.
"""

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAliasType, get_args, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource


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
    if isinstance(annotation, TypeAliasType):
        return is_secret(annotation.__value__)
    kind = get_origin(annotation) or annotation
    if inspect.isclass(kind) and issubclass(kind, (Secret, SecretBytes, SecretStr)):
        return True
    return any(is_secret(part) for part in get_args(annotation))


class EnvironmentSource(EnvSettingsSource):
    """Variables of the process."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        sections = {name for name, field in self.settings_cls.model_fields.items() if section_of(field) is not None}
        return {name: value for name, value in super()._load_env_vars().items() if value and name not in sections}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Decode a list. Invalid JSON is returned unchanged: validation reports it with all other problems."""
        text = str(value).strip()
        if not text.startswith(("[", "{")):
            return [part for part in map(str.strip, text.split(",")) if part]
        try:
            return json.loads(text)
        except ValueError:
            return value


class EnvironmentFileSource(EnvironmentSource, DotEnvSettingsSource):
    """Variables of a file."""
