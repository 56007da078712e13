"""Packages are hidden from an import, and only within the block."""

import sys
from importlib import import_module

import pytest

from api_base.core.shared.lean_imports import without


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)


def test_a_package_is_hidden_within_the_block_only() -> None:
    with without("colorsys"), pytest.raises(ImportError):
        import_module("colorsys")
    assert import_module("colorsys").__name__ == "colorsys"


def test_an_error_within_the_block_hides_nothing_afterwards() -> None:
    with pytest.raises(RuntimeError), without("colorsys"):
        raise RuntimeError
    assert import_module("colorsys").__name__ == "colorsys"


def test_what_is_imported_stays() -> None:
    found = import_module("colorsys")
    with without("colorsys"):
        assert import_module("colorsys") is found
    assert sys.modules["colorsys"] is found
