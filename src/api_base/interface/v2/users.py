"""Users have a role of the platform, where version 1 says whether they are administrators."""

from typing import Final

from api_base.application.users.dtos import PlatformRole, UserDTO
from api_base.interface.v2 import V2
from api_base.interface.versioning import Change, Replaced

CHANGES: Final[tuple[Change, ...]] = (
    Replaced(
        version=V2,
        of=(UserDTO,),
        was="platform_admin",
        now="platform_role",
        type=bool,
        show=lambda role: role is PlatformRole.ADMINISTRATOR,
    ),
)
