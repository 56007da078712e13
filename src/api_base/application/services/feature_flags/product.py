"""The flags of the product itself, in code: their keys, and what applies while a flag does not exist.

They only narrow: the permission is checked first, and a flag that is on gives nobody a right.
"""

from typing import Final

from api_base.application.services.feature_flags.flags import FeatureFlags
from api_base.core.errors import FeatureDisabled

INVITE_MEMBERS: Final = "tenants.invite-members"
"""Whether members may be invited. Without the flag they may."""
IMPORT_FILES: Final = "imports"
"""Whether files may be imported, over HTTP and from the command line. Without the flag they may."""


def require(flags: FeatureFlags, key: str) -> None:
    """Raise `FeatureDisabled` if the flag of the product is off for the caller."""
    if not flags.enabled(key, default=True):
        raise FeatureDisabled(key)
