"""Names of schemas in the OpenAPI document: of classes, without punctuation, each once."""

from typing import Any

from api_base.interface.openapi.schema_names import rename_schemas


def document(*names: str) -> dict[str, Any]:
    schemas = {name: {"type": "object", "title": "Page"} for name in names}
    return {"paths": {name: {"$ref": f"#/components/schemas/{name}"} for name in names}, "components": {"schemas": schemas}}


def renamed(*names: str) -> list[str]:
    given = document(*names)
    rename_schemas(given)
    schemas = given["components"]["schemas"]
    assert [one["title"] for one in schemas.values()] == list(schemas) == sorted(schemas)
    found = [one["$ref"].removeprefix("#/components/schemas/") for one in given["paths"].values()]
    assert sorted(found) == list(schemas)
    return found


def test_a_generic_has_the_name_of_what_it_is_of_first() -> None:
    assert renamed("ItemDTO", "Page_ItemDTO_", "OffsetPage_ArticleDTO_", "Page_Page_ItemDTO__") == [
        "ItemDTO", "ItemPage", "ArticleOffsetPage", "ItemPagePage",
    ]  # fmt: skip


def test_two_of_one_name_keep_theirs() -> None:
    assert renamed("ItemPage", "Page_ItemDTO_", "Page_Item_") == ["ItemPage", "Page_ItemDTO_", "Page_Item_"]


def test_other_names_with_underscores_stay() -> None:
    assert renamed("Snake_case", "_Private", "Open_") == ["Snake_case", "_Private", "Open_"]


def test_anything_or_null_says_nothing() -> None:
    given = document("JobDTO")
    result = {"anyOf": [{}, {"type": "null"}], "title": "Result"}
    text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    given["components"]["schemas"]["JobDTO"]["properties"] = {"result": result, "text": text}
    rename_schemas(given)
    assert given["components"]["schemas"]["JobDTO"]["properties"] == {
        "result": {"title": "Result"},
        "text": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }


def test_a_property_may_be_called_like_a_keyword() -> None:
    given = document("WordsDTO")
    properties = {"anyOf": {"type": "string"}, "$ref": {"type": "string"}}
    given["components"]["schemas"]["WordsDTO"]["properties"] = dict(properties)
    rename_schemas(given)
    assert given["components"]["schemas"]["WordsDTO"]["properties"] == properties
