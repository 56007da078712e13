"""The application with the context `invoices`."""

from collections.abc import Sequence

import pytest

from api_base import BUILT_IN, Context
from invoices import INVOICES

pytest_plugins = ["api_base.testing"]


@pytest.fixture(scope="session")
def contexts() -> Sequence[Context]:
    return [*BUILT_IN, INVOICES]
