"""The import contracts cover every folder: a new one in no contract fails, because the contracts are exhaustive."""

import tomllib
from typing import Any, Final

import pytest

from tools.documents import ROOT

CONTRACTS: Final[list[dict[str, Any]]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
    "contracts"
]
LAYERS: Final = [contract for contract in CONTRACTS if contract["type"] == "layers"]
COVERED: Final = {container for contract in LAYERS for container in contract["containers"]}


@pytest.mark.parametrize("contract", LAYERS, ids=lambda contract: contract["containers"][0])
def test_a_contract_about_layers_is_exhaustive(contract: dict[str, Any]) -> None:
    assert contract["exhaustive"] is True


@pytest.mark.parametrize("floor", ["cli", "operations", "interface", "infrastructure", "application", "domain", "core"])
def test_every_floor_has_a_contract(floor: str) -> None:
    assert f"api_base.{floor}" in COVERED


def test_every_module_of_adapters_is_in_a_contract() -> None:
    children = {
        path.stem for path in (ROOT / "src/api_base/infrastructure").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    listed = {
        name.strip()
        for contract in LAYERS
        if contract["containers"] == ["api_base.infrastructure"]
        for layer in contract["layers"]
        for name in layer.split("|")
    }
    assert children - {"__init__"} == listed
