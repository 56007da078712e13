"""The settings of a context: read and checked like those of the base, typed, given to its handlers, shown without secrets."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.sections import sectioned
from api_base.bootstrap.services import build
from api_base.core.config import Section, Settings
from api_base.core.errors import ConfigurationError
from api_base.operations.configuration_page import page
from api_base.operations.diagnosis import configuration_lines


class ShopSettings(Section):
    """Prices of the shop."""

    currency: str = Field("EUR", pattern="^[A-Z]{3}$")
    """Currency of all prices."""
    gateway_key: SecretStr
    """Key of the payment gateway."""
    countries: tuple[str, ...] = ()
    """Countries that the shop delivers to."""


SHOP = Context(name="shop", settings=ShopSettings)
SOUND = {"SHOP__GATEWAY_KEY": "s3cret", "SHOP__COUNTRIES": "PT,BR"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in SOUND.items():
        monkeypatch.setenv(name, value)
    return sectioned(Settings(), [SHOP])[0]


def test_they_are_typed_and_given_to_the_factory_of_the_handlers(sound: Settings) -> None:
    given: list[ShopSettings] = []

    def handlers(ports: Ports) -> list[object]:
        given.append(ports.section(ShopSettings))
        return []

    build(sound, [Context(name="shop", settings=ShopSettings, handlers=handlers)])
    build(Settings(), [Context(name="shop", settings=ShopSettings, handlers=handlers)])  # as code does that has not loaded contexts
    assert [(one.currency, one.gateway_key.get_secret_value(), one.countries) for one in given] == [("EUR", "s3cret", ("PT", "BR"))] * 2


def test_they_are_read_from_the_file_too(folder: Path) -> None:
    (folder / ".env").write_text("SHOP__GATEWAY_KEY=of-the-file\nSHOP__CURRENCY=BRL\n")
    settings, problems = sectioned(Settings(), [SHOP])
    assert not problems
    assert "SHOP__CURRENCY=BRL" in configuration_lines(settings)


def test_doctor_shows_them_without_secrets(sound: Settings) -> None:
    assert configuration_lines(sound)[-3:] == ["SHOP__CURRENCY=EUR", "SHOP__GATEWAY_KEY=**********", "SHOP__COUNTRIES=('PT', 'BR')"]


def test_the_page_of_the_configuration_has_them(sound: Settings) -> None:
    assert page(type(sound)).endswith(
        "## `SHOP__…`\n\nPrices of the shop.\n\n| variable | type | default | meaning |\n|---|---|---|---|\n"
        "| `SHOP__CURRENCY` | text, `^[A-Z]{3}$` | `EUR` | Currency of all prices. |\n"
        "| `SHOP__GATEWAY_KEY` | secret text | required | Key of the payment gateway. |\n"
        "| `SHOP__COUNTRIES` | list of text | none | Countries that the shop delivers to. |\n"
    )


def test_settings_of_the_base_stay_as_they_were(sound: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_NAME", "of the environment")
    extended, _ = sectioned(Settings(app_name="of the code"), [SHOP])
    assert extended.app_name == "of the code"
    assert sectioned(sound, [SHOP])[0] is sound


def test_each_wrong_value_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP__CURRENCY", "euro")
    monkeypatch.setenv("SHOP__CURENCY", "EUR")
    with pytest.raises(ConfigurationError) as refused:
        build(Settings(), [SHOP])
    assert str(refused.value).splitlines() == [
        "The configuration is not valid:",
        "  SHOP__CURRENCY: must match the pattern ^[A-Z]{3}$, not 'euro'.",
        "  SHOP__GATEWAY_KEY: is required.",
        "  SHOP__CURENCY: is not a setting; write SHOP__CURRENCY.",
    ]


def test_a_section_that_no_context_declares(sound: Settings) -> None:
    def handlers(ports: Ports) -> list[object]:
        ports.section(ShopSettings)
        return []

    (fault,) = build(Settings(), [Context(name="store", handlers=handlers)]).declarations.faults
    assert fault.sentence == (
        "handlers of the context 'store' cannot be made. No context has the settings ShopSettings. "
        "Declare settings=ShopSettings in its Context."
    )


def test_settings_that_are_no_section_or_those_of_the_base() -> None:
    wrong = Context(name="shop", settings=dict)
    of_the_base = Context(name="search", settings=ShopSettings)
    assert [fault.sentence for fault in build(Settings(), [wrong, of_the_base]).declarations.faults] == [
        "settings of the context 'shop' is dict, which is not a class derived from Section.",
        "The context 'search' has settings, but SEARCH is a setting or a section of the base. Rename the context.",
    ]
