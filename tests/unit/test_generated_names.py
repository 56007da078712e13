"""Names and fields on the command line of the generator: the forms that they get, and the exact sentence for each that is refused."""

import pytest

from api_base.core.errors import ConfigurationError
from api_base.core.shared.naming import with_article
from api_base.generating.field_types import TYPES, fields_of
from api_base.generating.names import package_name, resource_name
from api_base.generating.owner import Owner


def refusal(function: object, *arguments: object) -> str:
    assert callable(function)
    with pytest.raises(ConfigurationError) as refused:
        function(*arguments)
    return str(refused.value)


@pytest.mark.parametrize(
    ("plural", "singular", "cls", "path"),
    [
        ("notes", "note", "Note", "/notes"),
        ("sales_orders", "sales_order", "SalesOrder", "/sales-orders"),
        ("countries", "country", "Country", "/countries"),
        ("addresses", "address", "Address", "/addresses"),
        ("boxes", "box", "Box", "/boxes"),
        ("branches", "branch", "Branch", "/branches"),
        ("wishes", "wish", "Wish", "/wishes"),
        ("prizes", "prize", "Prize", "/prizes"),
        ("houses", "house", "House", "/houses"),
    ],
)
def test_a_plural_has_a_singular_a_class_and_a_path(plural: str, singular: str, cls: str, path: str) -> None:
    name = resource_name(plural)
    assert (name.singular, name.cls, name.path, name.constant) == (singular, cls, path, plural.upper())


def test_an_irregular_plural_needs_its_singular() -> None:
    assert refusal(resource_name, "people") == "'people' is no regular plural. Write the plural, as in notes, or pass --singular NAME."
    assert refusal(resource_name, "glass") == "'glass' is no regular plural. Write the plural, as in notes, or pass --singular NAME."
    assert (
        refusal(resource_name, "sheep", "sheep") == "'sheep' is no regular plural. Write the plural, as in notes, or pass --singular NAME."
    )
    assert resource_name("people", "person").cls == "Person"


def test_names_have_their_article() -> None:
    assert [with_article(name) for name in ("note", "open_order", "user")] == ["a note", "an open order", "a user"]


@pytest.mark.parametrize("name", ["Notes", "my-notes", "1st", "notes_", "_notes", "no__tes", "class", "", "nötes", "notes\n"])
def test_what_is_no_name_of_a_resource(name: str) -> None:
    assert refusal(resource_name, name) == (
        f"{name!r} cannot be the name of a resource. Write lower-case words joined by underscores, which are no keyword of Python."
    )


def test_a_name_that_no_revision_could_have() -> None:
    assert (
        refusal(resource_name, "n" * 28 + "s")
        == f"{'n' * 28 + 's'!r} has 29 characters; the name of a resource has at most 28. Shorten it."
    )
    assert resource_name("n" * 27 + "s").singular == "n" * 27


@pytest.mark.parametrize(("project", "package"), [("my-new-shop", "my_new_shop"), ("shop2", "shop2"), ("desk_app", "desk_app")])
def test_a_project_has_a_package(project: str, package: str) -> None:
    assert package_name(project) == package


@pytest.mark.parametrize("name", ["Shop", "1shop", "shop-", "my shop", "../shop", "class", "if", "", "shöp"])
def test_what_is_no_name_of_a_project(name: str) -> None:
    assert refusal(package_name, name) == (
        f"{name!r} cannot be the name of a project. Write lower-case words joined by hyphens, which are no keyword of Python: my-shop."
    )


@pytest.mark.parametrize("name", ["json", "fastapi", "api-base", "python-api-base", "pytest-asyncio"])
def test_the_name_of_an_installed_package_is_refused(name: str) -> None:
    assert refusal(package_name, name) == (
        f"{name!r} cannot be the name of a project: a package of this name is installed. Choose another name."
    )


def test_the_name_of_a_folder_of_the_project_is_refused() -> None:
    assert refusal(package_name, "tests") == "'tests' cannot be the name of a project: it is that of a folder in it. Choose another name."


def test_fields_are_written_as_python() -> None:
    fields = fields_of(["title:str", "body:text?", "status:open,done", "price:money?"], "Note")
    assert [one.line for one in fields] == [
        "title: Annotated[str, TextRule(max_length=200)]",
        "body: Annotated[str, TextRule(max_length=10_000, lines=True)] | None = None",
        "status: NoteStatus",
        "price: Money | None = None",
    ]
    assert [one.shown_line for one in fields] == ["title: str", "body: str | None", "status: NoteStatus", "price: MoneyDTO | None"]
    assert fields[2].enumeration == 'class NoteStatus(StrEnum):\n    OPEN = "open"\n    DONE = "done"\n'


@pytest.mark.parametrize(
    "written", ["title", "title:", "title:string", "title:str??", "title:str,", "title:a,a", "title:A,B", "title:varchar(3)"]
)
def test_what_is_no_field(written: str) -> None:
    assert refusal(fields_of, [written], "Note") == (
        f"{written!r} is no field. Write name:type, with ? after a type that may be null. Types: {', '.join(TYPES)}, or the values of an "
        "enumeration, as in status:open,done."
    )


def test_fields_that_cannot_be() -> None:
    assert refusal(fields_of, [], "Note").startswith("Note needs fields. Write name:type, as in title:str. Types: str, text, ")
    assert refusal(fields_of, ["a:str", "a:int"], "Note") == "The field 'a' is named twice. Remove one."
    assert refusal(fields_of, ["Title:str"], "Note").startswith("'Title' cannot be the name of a field.")
    for name in ("id", "tenant_id", "version", "record", "values"):
        assert refusal(fields_of, [f"{name}:str"], "Note") == (
            f"{name!r} cannot be a field: every resource has an attribute of this name. Choose another name."
        )
    for name in ("limit", "date"):
        assert refusal(fields_of, [f"{name}:str"], "Note") == (
            f"{name!r} cannot be a field: it is a parameter of lists, or a type. Choose another name."
        )


def test_owners_have_names() -> None:
    assert Owner.named("none") is Owner.NONE
    assert refusal(Owner.named, "system") == "--owner is tenant, user or none, not 'system'."
