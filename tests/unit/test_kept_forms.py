"""What databases and clients keep while the program is updated has the form that earlier programs gave it."""

from api_base.application.common.listing import ListRequest, Sort, cursor_binding
from api_base.core.types import NO_REQUEST, current_context
from api_base.infrastructure.db.schema import identifier
from api_base.interface.routes.etags import entity_tag, sparse_tag


def test_a_name_that_fits_postgresql_is_kept_and_a_longer_one_ends_with_the_same_digest_for_ever() -> None:
    fits = "ck_" + "x" * 60
    assert identifier(fits) == fits
    assert identifier("ck_" + "orders" * 12) == "ck_ordersordersordersordersordersordersordersordersord_aca4c818"


def test_a_cursor_of_an_earlier_program_continues_its_list() -> None:
    current_context.set(NO_REQUEST)
    assert cursor_binding(ListRequest(sort=(Sort(field="name"),), fingerprint="f"), "items") == "1074df9ed3df61e719"


def test_a_tag_of_an_earlier_program_spares_the_response() -> None:
    assert entity_tag() % 3 == '"v3-json1"'
    assert sparse_tag(entity_tag() % 3, ["id", "name"]) == '"v3-json1.3bd1cde4"'
