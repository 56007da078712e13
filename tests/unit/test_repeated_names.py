"""Every JSON document from outside is refused if one object has two members of one name, at any depth [RFC 7493, section 2.3]."""

import pytest
from pydantic import TypeAdapter

from api_base.interface.errors.http import MalformedBody
from api_base.interface.routes import body
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody

NESTED = ('{"a": %s}', "[%s]", '{"a": 1, "b": [{"c": %s}]}')
REPEATED = ('{"x": 1, "x": 1}', '{"x": 1, "y": 2, "x": null}', '{"x": 1, "\\u0078": 2}', '{"": 1, "": 2}', '{ "x" :1 ,\n"x" :{}}')
DISTINCT = ('{"x": 1, "X": 1}', '{"x": {"x": {"x": 1}}}', '[{"x": 1}, {"x": 1}]', '{"x": "\\"x\\": 1, \\"x\\": 2"}')


@pytest.mark.parametrize("repeated", REPEATED)
@pytest.mark.parametrize("around", ["%s", *NESTED])
def test_a_repeated_name_is_refused_at_any_depth(around: str, repeated: str) -> None:
    with pytest.raises(MalformedBody, match="The body is not JSON: an object has two members of one name at line "):
        body.parse((around % repeated).encode(), TypeAdapter[object](object))


@pytest.mark.parametrize("distinct", DISTINCT)
@pytest.mark.parametrize("around", ["%s", *NESTED])
def test_names_of_different_objects_may_be_the_same(around: str, distinct: str) -> None:
    assert body.parse((around % distinct).encode(), TypeAdapter[object](object)) is not None


@pytest.mark.parametrize("model", [CreateItemBody, PatchItemBody])
def test_a_body_of_an_item_has_each_name_once(model: type) -> None:
    with pytest.raises(MalformedBody, match="two members of one name at line 1, column 22"):
        body.parse(b'{"name": "a", "name": "b"}', TypeAdapter(model))


def test_what_is_not_json_is_refused_for_its_own_reason() -> None:
    with pytest.raises(MalformedBody, match="a value is missing"):
        body.parse(b'{"a": 1, "b": }', TypeAdapter[object](object))
