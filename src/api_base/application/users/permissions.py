"""Permissions over other users. Only platform administrators hold them."""

from typing import Final

MANAGE: Final = "platform:users"
