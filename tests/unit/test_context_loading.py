"""`CONTEXTS` and `CONTEXTS_DISABLED`: which contexts an application has, and the exact sentence for each name that cannot be right."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api_base.bootstrap.contexts.loading import contexts_of
from api_base.core.config import Settings

SHOP = """\
from api_base.bootstrap.context import Context

SHOP = Context(name="shop")
BILLED = Context(name="billed", requires=("billing",))
NAME = "shop"
CONTEXTS = (SHOP, Context(name="billing"))
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that Python searches, with the package `store_of_tests` in it."""
    package = tmp_path / "store_of_tests"
    package.mkdir()
    (package / "__init__.py").write_text(SHOP)
    (package / "empty.py").write_text("")
    (package / "needs.py").write_text("import absent_driver\n")
    (package / "raises.py").write_text("rate = 1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield package
    for name in set(sys.modules) - before:
        if name.startswith("store_of_tests"):
            del sys.modules[name]


def problems(*names: str, without: tuple[str, ...] = ()) -> list[str]:
    return list(contexts_of(Settings(_env_file=None, contexts=names, contexts_disabled=without))[1])


def names(*added: str, without: tuple[str, ...]) -> list[str]:
    contexts, found = contexts_of(Settings(_env_file=None, contexts=added, contexts_disabled=without))
    assert found == []
    return [context.name for context in contexts]


def test_contexts_are_added_and_left_out(packages: Path) -> None:
    every = ["users", "tenants", "auth", "items", "files", "audit", "jobs", "flags", "ofrep", "search", "exports", "versions"]
    assert names(without=()) == every
    assert names("store_of_tests:SHOP", without=("items",)) == [name for name in every if name != "items"] + ["shop"]
    assert names(without=("flags", "ofrep")) == [name for name in every if name not in ("flags", "ofrep")]


def test_a_tuple_of_contexts_adds_all_of_them(packages: Path) -> None:
    assert names("store_of_tests:CONTEXTS", without=("items", "flags", "ofrep"))[-2:] == ["shop", "billing"]


def test_a_package_that_is_not_installed(packages: Path) -> None:
    assert problems("store_of_test:SHOP") == [
        f"CONTEXTS: 'store_of_test:SHOP' cannot be imported: there is no package 'store_of_test' in the environment {sys.prefix} and in "
        "PYTHONPATH. Install it there (uv pip install --editable FOLDER), or correct the name."
    ]


def test_a_module_that_the_package_lacks(packages: Path) -> None:
    assert problems("store_of_tests.shop:SHOP") == [
        f"CONTEXTS: 'store_of_tests.shop:SHOP' cannot be imported: the package 'store_of_tests' ({packages}) has no module 'shop'. "
        "Write package.module:ATTRIBUTE."
    ]


def test_an_attribute_that_the_module_lacks(packages: Path) -> None:
    assert problems("store_of_tests:STORE", "store_of_tests.empty:SHOP") == [
        f"CONTEXTS: 'store_of_tests:STORE' cannot be imported: {packages / '__init__.py'} defines no 'STORE'. "
        "Write store_of_tests:SHOP or store_of_tests:BILLED.",
        f"CONTEXTS: 'store_of_tests.empty:SHOP' cannot be imported: {packages / 'empty.py'} defines no 'SHOP'. "
        "store_of_tests.empty defines no Context.",
    ]


def test_an_attribute_that_is_no_context(packages: Path) -> None:
    assert problems("store_of_tests:NAME") == [
        "CONTEXTS: 'store_of_tests:NAME' must be a Context or a tuple of them, not str. Write store_of_tests:SHOP or store_of_tests:BILLED."
    ]


def test_what_the_code_of_the_context_raises(packages: Path) -> None:
    assert problems("store_of_tests.needs:SHOP", "store_of_tests.raises:SHOP") == [
        f"CONTEXTS: 'store_of_tests.needs:SHOP' cannot be imported. {packages / 'needs.py'}:1: ModuleNotFoundError: No module named 'absent_driver'.",
        f"CONTEXTS: 'store_of_tests.raises:SHOP' cannot be imported. {packages / 'raises.py'}:1: ZeroDivisionError: division by zero.",
    ]


def test_a_required_context_that_is_not_loaded(packages: Path) -> None:
    assert problems("store_of_tests:BILLED") == [
        "CONTEXTS: the context 'billed' requires the context 'billing', which is not loaded. Add package.module:ATTRIBUTE of it."
    ]


def test_a_name_that_no_built_in_context_has() -> None:
    assert problems(without=("item", "billing")) == [
        "CONTEXTS_DISABLED: 'item' is not a built-in context. Write items.",
        "CONTEXTS_DISABLED: 'billing' is not a built-in context. Write users, tenants, auth, items, files, audit, jobs, flags, ofrep, search, exports, versions.",
    ]


def test_what_others_require_is_not_left_out() -> None:
    assert problems(without=("users",)) == [
        "CONTEXTS_DISABLED: 'users' cannot be left out: the base finds the caller of each request there, and tenants, auth and flags require it. "
        "Remove it."
    ]
    assert problems(without=("auth",)) == [
        "CONTEXTS_DISABLED: 'auth' cannot be left out: the base finds the caller of each request there. Remove it."
    ]
    assert problems(without=("flags", "audit")) == [
        "CONTEXTS_DISABLED: 'flags' cannot be left out: ofrep requires it. Remove it, or leave out ofrep as well.",
        "CONTEXTS_DISABLED: 'audit' cannot be left out: items requires it. Remove it, or leave out items as well.",
    ]


def test_a_context_of_ones_own_that_requires_a_left_out_one(packages: Path) -> None:
    (packages / "pricing.py").write_text(
        'from api_base.bootstrap.context import Context\nPRICING = Context(name="pricing", requires=("items",))\n'
    )
    assert problems("store_of_tests.pricing:PRICING", without=("items",)) == [
        "CONTEXTS_DISABLED: 'items' cannot be left out: pricing requires it. Remove it, or leave out pricing as well."
    ]
