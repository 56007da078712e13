"""The lists of routes and of messages, for the built-in contexts and one from outside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.core.errors import WiringError
from api_base.operations.inventory import DeclaredMessage, DeclaredRoute, declared_messages, declared_routes
from tests.unit.wiring import shop

CONTEXTS: Final = (*BUILT_IN, shop.SHOP)
SHOP: Final = "tests.unit.wiring.shop"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, database={"data_dir": tmp_path}, security={"key_dir": tmp_path})


@pytest.fixture
def routes(settings: Settings) -> Mapping[tuple[str, str], DeclaredRoute]:
    found = declared_routes(settings, CONTEXTS)
    assert [(one.path, one.method) for one in found] == sorted((one.path, one.method) for one in found)
    return {(one.method, one.path): one for one in found}


def test_a_route_of_a_context_from_outside_is_listed_with_its_message(routes: Mapping[tuple[str, str], DeclaredRoute]) -> None:
    assert routes["GET", "/api/v1/goods/{id}"] == DeclaredRoute(
        method="GET",
        path="/api/v1/goods/{id}",
        endpoint=f"{SHOP}:get_good",
        messages=["GetGood"],
        permissions=["shop:read"],
        guard="required",
    )


def test_every_kind_of_route_is_listed(routes: Mapping[tuple[str, str], DeclaredRoute]) -> None:
    guards = {
        ("POST", "/api/v1/auth/login"): "ignored, limits login",
        ("POST", "/mcp"): "required (MCP), limits mcp",
        ("GET", "/api/v1/items"): "required",
        ("GET", "/graphql"): "optional",
        ("GET", "/health/live"): "ignored",
        ("GET", "/openapi.json"): "optional",
        ("WEBSOCKET", "/ws"): "its own",
    }
    assert {key: routes[key].guard for key in guards} == guards
    assert routes["GET", "/api/v1/search"].messages == ["Search"]
    assert (routes["GET", "/health/live"].messages, routes["GET", "/health/live"].permissions) == ([], [])


def test_messages_are_listed_with_handler_permission_context_and_tables(settings: Settings) -> None:
    found = {one.message: one for one in declared_messages(settings, CONTEXTS)}
    assert found[f"{SHOP}:RenameGood"] == DeclaredMessage(
        message=f"{SHOP}:RenameGood", handler=f"{SHOP}:RenameGoodHandler", permission="shop:change", context="shop", tables=["goods"]
    )
    tables = {name.rpartition(":")[2]: one.tables for name, one in found.items()}
    assert tables["ListGoods"] == ["goods"]
    assert tables["Recount"] == []
    assert {type(name) for names in tables.values() for name in names} == {str}, "JSON takes no subclass"
    assert tables["ListMyTenants"] == ["memberships", "tenants"]
    assert tables["CreateItem"] == ["items"]
    keys = [(one.context, one.message.rpartition(":")[2]) for one in declared_messages(settings, CONTEXTS)]
    assert keys == sorted(keys)


def test_mistakes_are_reported_in_place_of_a_list(settings: Settings) -> None:
    for declared in (declared_routes, declared_messages):
        with pytest.raises(WiringError, match="Two contexts have the name 'shop'"):
            declared(settings, [*CONTEXTS, shop.SHOP])
