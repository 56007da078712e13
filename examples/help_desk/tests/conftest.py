"""The application with the contexts of the desk, and without the sample `items`."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from api_base import BUILT_IN, Context
from help_desk import CONTEXTS

pytest_plugins = ["api_base.testing"]


@pytest.fixture
def secret() -> str:
    """What signs the keys of gateways."""
    return "a secret of this test"


@pytest.fixture(scope="session")
def contexts() -> Sequence[Context]:
    return [*(one for one in BUILT_IN if one.name != "items"), *CONTEXTS]


@pytest.fixture
def sections(secret: str) -> Mapping[str, Mapping[str, Any]]:
    return {"tickets": {"gateway_secret": secret}}
