"""Configuration: one class per section, read from the environment and `.env`, checked as a whole."""

from api_base.core.config.settings import Settings, load_settings

__all__ = ["Settings", "load_settings"]
