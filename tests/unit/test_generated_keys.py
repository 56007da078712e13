"""`api-base generate resource --key`: paths name the resource by its slug, in its tests and in those of its messages."""

from pathlib import Path

import pytest

from api_base.core.errors import ConfigurationError
from api_base.generating.field_types import fields_of
from api_base.generating.record import Record, Step
from tests.generated import generate, new_project

ARTICLES = Step(command="resource", arguments=("articles", "title:str"), key="slug")
FOLDER = "src/shop/articles"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return new_project(tmp_path, monkeypatch)


def test_the_slug_is_a_field_and_names_the_resource_in_paths(project: Path) -> None:
    written = [f"{FOLDER}/__init__.py", f"{FOLDER}/article.py", "src/shop/__init__.py", "tests/test_articles.py"]
    assert sorted(generate(project, ARTICLES).files) == sorted([*written, ".api-base.json"])
    declaration = (project / f"{FOLDER}/article.py").read_text()
    assert "    slug: Annotated[str, SlugRule()]\n" in declaration
    assert 'FILTERS = ("title", "created_at")\nSORTS = ("title", "created_at")\n' in declaration
    assert 'key="slug"' in declaration
    assert "imports=True" in declaration
    test = (project / "tests/test_articles.py").read_text()
    assert 'BODY: dict[str, Any] = {"title": "Example", "slug": "example"}\n' in test
    assert "return f\"{PATH}/{answer.json()['slug']}\"" in test
    assert generate(project, ARTICLES).files == []


def test_the_key_is_recorded_for_upgrades(project: Path) -> None:
    generate(project, ARTICLES)
    record = Record.of(project)
    assert record is not None
    assert record.steps == (ARTICLES,)
    assert record.files[f"{FOLDER}/article.py"] == (project / f"{FOLDER}/article.py").read_text()


def test_without_a_key_the_id_names_it(project: Path) -> None:
    generate(project, Step(command="resource", arguments=("articles", "title:str")))
    assert "key=" not in (project / f"{FOLDER}/article.py").read_text()
    assert "return f\"{PATH}/{answer.json()['id']}\"" in (project / "tests/test_articles.py").read_text()


def test_a_command_names_it_by_the_id(project: Path) -> None:
    generate(project, ARTICLES)
    generate(project, Step(command="command", arguments=("articles", "rename_article", "title")))
    assert '"/{id}/rename"' in (project / f"{FOLDER}/routes.py").read_text()
    test = (project / "tests/test_rename_article.py").read_text()
    assert "return f\"{PATH}/{answer.json()['id']}/rename\"" in test
    assert '(shown,) = (await ana.client.get(PATH)).json()["items"]\n' in test


def refusal(home: Path, *arguments: str, command: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        generate(home, Step(command=command, arguments=arguments))
    return str(refused.value)


def test_a_query_has_a_path_that_no_slug_has(project: Path) -> None:
    generate(project, ARTICLES)
    generate(project, Step(command="query", arguments=("articles", "articles_by_title", "title")))
    assert '@router.get("/-/articles-by-title"' in (project / f"{FOLDER}/routes.py").read_text()
    test = (project / "tests/test_articles_by_title.py").read_text()
    assert '{**body, "slug": f"number-{number}"}' in test
    assert 'f"{PATH}/-/articles-by-title"' in test


@pytest.mark.parametrize("kind", ["command", "query", "job"])
def test_the_slug_is_no_field_of_a_message(project: Path, kind: str) -> None:
    generate(project, ARTICLES)
    with pytest.raises(ConfigurationError) as refused:
        generate(project, Step(command=kind, arguments=("articles", "name_article", "slug")))
    assert str(refused.value) == (
        "The field 'slug' of Article is Annotated[str, SlugRule()], which no message can be generated for. Write it by hand."
    )


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("title", "The field 'title' is named twice. Remove one."),
        ("id", "'id' cannot be a field: every resource has an attribute of this name. Choose another name."),
        ("sort", "'sort' cannot be a field: it is a parameter of lists, or a type. Choose another name."),
    ],
)
def test_what_cannot_be_a_key(key: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        fields_of(["title:str"], "Article", key)
    assert str(refused.value) == reason
