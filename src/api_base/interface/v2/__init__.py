"""What version 2 of the API changed, one module for each context that changed."""

from datetime import date
from typing import Final

from api_base.interface.routes.versions import Version

V2: Final = Version(2, released=date(2026, 12, 1))
