"""The environment and `.env` as sources of settings.

An empty value means that the setting is not set, as `${X:-}` of compose writes it. A list is a JSON array, or values separated by
commas. The bare name of a section (`MAIL`, `SERVER`) is never read: login shells and platforms set such variables for other programs.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from api_base.core.config.fields import section_of


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
