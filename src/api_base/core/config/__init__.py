"""Configuration: one class per section, read from the environment and `.env`, validated as a whole."""

from api_base.core.config.loading import Problems, load_settings, read_settings
from api_base.core.config.settings import Settings
from api_base.core.config.values import Section

__all__ = ["Problems", "Section", "Settings", "load_settings", "read_settings"]
