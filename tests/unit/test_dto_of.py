"""`dto_of`: fields by name, with the conversions that types say, and what does not fit as sentences."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from api_base.application.common.dto import dto_of
from api_base.application.common.money import MoneyDTO
from api_base.core.base import AggregateRoot, ValueObject
from api_base.domain.common.value_objects import Money, Slug


@dataclass(slots=True, kw_only=True, eq=False)
class Shop(AggregateRoot):
    name: str
    slug: Slug
    fee: Money | None
    size: int

    @property
    def shout(self) -> str:
        return self.name.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopDTO:
    id: UUID
    slug: str
    fee: MoneyDTO | None
    size: str
    shout: str


def test_fields_are_attributes_properties_and_conversions() -> None:
    id, to_dto = uuid4(), dto_of(ShopDTO, size=str)
    shop = Shop(id=id, name="Corner", slug=Slug("corner"), fee=Money(minor=150, currency="EUR"), size=3)
    assert list(to_dto.faults(Shop)) == []
    assert to_dto(shop) == ShopDTO(id=id, slug="corner", fee=MoneyDTO(amount="1.50", currency="EUR"), size="3", shout="CORNER")
    shop.fee = None
    assert to_dto(shop).fee is None


def test_a_dto_of_one_field() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        name: str

    assert dto_of(Named)(Shop(id=uuid4(), name="Corner", slug=Slug("corner"), fee=None, size=3)) == Named(name="Corner")


def test_what_does_not_fit_is_one_sentence_each() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Wrong:
        nmae: str
        size: str
        fee: MoneyDTO

    assert list(dto_of(Wrong).faults(Shop)) == [
        "Wrong.nmae is no attribute of Shop. It has id, version, name, slug, fee, size. Rename the field, or add a property.",
        "Wrong.size is str, but Shop.size is int. Write one type for both, or dto_of(Wrong, size=…).",
        "Wrong.fee is never None, but Shop.fee may be. Write MoneyDTO | None.",
    ]


def test_a_value_object_is_one_value_only_if_it_has_no_other_and_of_the_same_type() -> None:
    @dataclass(frozen=True, slots=True)
    class Size(ValueObject):
        value: int

    @dataclass(frozen=True, slots=True)
    class Measured(ValueObject):
        value: str
        unit: str

    @dataclass(slots=True, kw_only=True, eq=False)
    class Box(AggregateRoot):
        size: Size
        measured: Measured

    @dataclass(frozen=True, slots=True, kw_only=True)
    class BoxDTO:
        size: str
        measured: str

    assert [fault.partition(". ")[0] for fault in dto_of(BoxDTO).faults(Box)] == [
        "BoxDTO.size is str, but Box.size is Size",
        "BoxDTO.measured is str, but Box.measured is Measured",
    ]

    @dataclass(frozen=True, slots=True, kw_only=True)
    class SizedDTO:
        size: int

    assert list(dto_of(SizedDTO).faults(Box)) == []
