"""Environment and `.env`, read so that a value that is no JSON is told like any other wrong value: by its variable's name."""

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource


class EnvironmentSource(EnvSettingsSource):
    """Variables of the process."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """The value decoded, or as it is, for validation to refuse."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class EnvironmentFileSource(EnvironmentSource, DotEnvSettingsSource):
    """The same of a file."""
