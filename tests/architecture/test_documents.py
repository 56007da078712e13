"""What is made from the code says what the code says: the configuration page, the problem pages, the OpenAPI snapshot."""

import pytest

from api_base.core.config import Settings
from api_base.operations.configuration_page import fields
from tools import documents
from tools.compatible import IncompatibleError

REMEDY = (
    "If the change is on purpose, run `make docs` and commit what it writes; if not, this is what callers and operators would have noticed."
)


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return dict(documents.documents())


def test_every_generated_document_is_kept_and_no_other(made: dict[str, str]) -> None:
    assert documents.stored().keys() == made.keys(), REMEDY


def test_every_generated_document_is_up_to_date(made: dict[str, str]) -> None:
    outdated = [path for path, text in documents.stored().items() if made.get(path) != text]
    assert not outdated, f"{', '.join(outdated)} differ from the code. {REMEDY}"


@pytest.mark.parametrize(
    ("variable", "description"), [pytest.param(variable, field.description, id=variable) for variable, field in fields(Settings)]
)
def test_every_setting_is_described(variable: str, description: str | None) -> None:
    assert description, f"{variable} has no description: give its Field one"
    assert description.endswith("."), f"the description of {variable} is no sentence"


def test_no_contract_that_clients_have_is_broken(made: dict[str, str]) -> None:
    kept = documents.stored()
    documents.check_events(kept)
    documents.check_contracts(kept, made)


def test_an_event_that_is_gone_is_named(made: dict[str, str]) -> None:
    kept = {"docs/events/orders.shipped.v1.json": "{}", **made}
    with pytest.raises(IncompatibleError, match=r"^docs/events/orders\.shipped\.v1\.json is of an event that others subscribe to"):
        documents.check_contracts(kept, made)


def test_a_version_that_is_gone_is_named(made: dict[str, str]) -> None:
    with pytest.raises(IncompatibleError, match=r"^docs/openapi/v0\.json is of a version that clients use"):
        documents.check_contracts({"docs/openapi/v0.json": "{}", **made}, made)
