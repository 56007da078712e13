"""The base with two more versions of the API, each of which changed items."""

from dataclasses import replace
from datetime import date
from typing import Final

from fastapi import FastAPI

from api_base.application.common.money import MoneyDTO
from api_base.application.items.dtos import ItemDTO
from api_base.bootstrap import application
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.interface.routes.versions import Version
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody
from api_base.interface.versioning import EnumChanged, Renamed, Split

V3: Final = Version(3, released=date(2027, 1, 1))
V4: Final = Version(4, released=date(2028, 1, 1))
OF: Final = (ItemDTO, CreateItemBody, PatchItemBody)
CHANGES: Final = (
    Renamed(V4, OF, was="code", now="sku"),
    Split(
        V4,
        OF,
        was="text",
        now=("name", "description"),
        split=lambda text: {"name": text, "description": ""},
        joined=lambda name, description: f"{name}: {description}",
    ),
    Renamed(V3, (MoneyDTO,), was="value", now="amount"),
    EnumChanged(V3, (ItemDTO,), name="status", type=str, values={"draft": "new", "published": "open", "archived": "closed"}),
)


def create_app() -> FastAPI:
    """Return the application, by the settings of the environment."""
    return application.create_app(Settings(), [replace(one, changes=CHANGES) if one.name == "items" else one for one in BUILT_IN])
