"""Files that tenants upload."""

from typing import Final

from pydantic import Field

from api_base.core.config.values import Section

GIB: Final = 1024**3


class FileSettings(Section):
    """Variables `FILES__…`."""

    max_file_bytes: int = Field(5 * GIB, ge=1, le=128 * GIB)
    """Maximum size of a file, in bytes."""
    quota_bytes: int = Field(50 * GIB, ge=1)
    """Bytes that a tenant may store, uploads included."""
    quota_files: int = Field(100_000, ge=1)
    """Files that a tenant may store, uploads included."""
    upload_timeout_seconds: int = Field(86_400, ge=60, le=30 * 86_400)
    """Seconds in which an upload must be completed."""
    upload_concurrency: int = Field(20, ge=1, le=1000)
    """Uploads that one server process reads at the same time for one tenant, and for one client address."""
    total_upload_concurrency: int = Field(50, ge=1, le=10_000)
    """Uploads that one server process reads at the same time. Each takes memory for one part: 5 MiB, more if FILES__MAX_FILE_BYTES is over 43 GiB."""
    keep_refused_days: int = Field(30, ge=0, le=3650)
    """Days after which the description of a refused file, and why it was refused, is removed. Its bytes are removed immediately."""
