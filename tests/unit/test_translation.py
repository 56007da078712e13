"""Sentences in other languages: found by their templates, with the values of the English ones."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.core.errors import ConfigurationError, Invalid, NotFound
from api_base.core.types import Language, RequestContext, current_context
from api_base.interface.errors.handlers import problem_of
from api_base.interface.errors.translation import Catalogue, Template, catalogues_of, current_catalogues, read
from tests.sentences import portuguese

CATALOGUE = Catalogue(
    {
        "sentences": {
            "No {what} with the {by} {id} exists.": "Não existe {what:t} com {by} {id}.",
            "must be {expected}": "deve ser {expected:t}",
            "must be true": "deve ser verdadeiro",
            "is refused. {reason}": "é recusado. {reason:t}",
            "{field}: {problem}.": "{field}: {problem:t}.",
            "{target}={value}: {message}.": "{target}={value}: {message:t}.",
        },
        "words": {"item": "artigo", "{first} or {last}": "{first:t} ou {last:t}", "It is too long.": "É longo demais."},
    }
)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("No item with the id 7 exists.", "Não existe artigo com id 7."),
        ("No invoice with the id 7 exists.", "Não existe invoice com id 7."),
        ("No item with the id a with the id b exists.", "Não existe artigo com id a with the id b."),
        ("must be true", "deve ser verdadeiro"),
        ("must be 1 or 2 or item", "deve ser 1 ou 2 ou artigo"),
        ("a=b: must be true.", "a=b: deve ser verdadeiro."),
        ("a=b: something else.", "a=b: something else."),
        ("is refused. It is too long. Or not.", "é recusado. É longo demais. Or not."),
        ("is refused. ", "é recusado. "),
        ("Something else.", None),
        ("No item with the id 7 exists", None),
    ],
)
def test_a_sentence_is_found_with_its_values(sentence: str, expected: str | None) -> None:
    assert CATALOGUE.translated(sentence) == expected


@given(st.text(), st.text(), st.text())
def test_every_value_stands_in_the_translation_as_it_was(what: str, by: str, id: str) -> None:
    template = Template.of("No {what} with the {by} {id} exists.", "{what}|{by}|{id}")
    text = f"No {what} with the {by} {id} exists."
    values = template.values(text)
    assert values is not None
    assert f"No {values['what']} with the {values['by']} {values['id']} exists." == text


def test_a_long_value_takes_no_longer_than_its_length() -> None:
    started = time.perf_counter()
    assert CATALOGUE.translated("No " + " with the " * 100_000) is None
    assert portuguese().translated("x. " * 650 + "Wait 3 s.") is not None
    assert time.perf_counter() - started < 1


def test_alternatives_are_translated_within_a_list() -> None:
    assert portuguese().translated("must be one of 'a', 'b' or 'c'") == "deve ser um destes: 'a', 'b' ou 'c'"
    assert portuguese().translated("must be 'a' or 'b'") == "deve ser 'a' ou 'b'"


def test_a_template_whose_values_are_known_comes_before_a_longer_one() -> None:
    sentences = {"{target}={value}: {message}.": "{target}={value}: {message:t}.", "{a}: {b} {c}.": "{a}: {b} {c:t}."}
    found = Catalogue({"sentences": {**sentences, "must not be blank": "não pode estar em branco"}})
    assert found.translated("category=: must not be blank.") == "category=: não pode estar em branco."


def test_the_longest_template_is_found_first_whatever_their_order() -> None:
    found = Catalogue({"sentences": {"{what} is {state}.": "a", "{what} is no longer {state}.": "b"}})
    assert found.translated("It is no longer there.") == "b"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[sentences]\n'a {b}' = 'c {d}'", "has no {d}"),
        ("[sentences]\n'{a}{b} c' = 'c'", "text between"),
        ("[sentences]\n'{a}' = 'c'", "must have words"),
        ("[sentences]\n'{a} and {a}' = 'c'", "each name once"),
        ("[sentences]\n'a' = 1", "must have a sentence"),
        ("[titles]\n'a' = 'b'", "titles is not one of the tables sentences, words"),
        ("sentences = 1", "sentences is not one of the tables"),
        ("[sentences", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "pt.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=fault) as raised:
        read(tmp_path / "pt.toml")
    assert str(tmp_path / "pt.toml") in str(raised.value)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path / "pt.toml")


def test_the_sentences_of_a_context_come_after_those_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "pt.toml").write_text("[sentences]\n'Sold out.' = 'Esgotado.'\n'Not found' = 'Sumiu'\n")
    found = catalogues_of([tmp_path])[Language.PT]
    assert [found.translated(one) for one in ("Sold out.", "Not found", "Not allowed")] == ["Esgotado.", "Sumiu", "Não permitido"]


@pytest.mark.parametrize(
    ("accepted", "title"),
    [
        ("", "Not found"),
        ("en", "Not found"),
        ("pt", "Não encontrado"),
        ("pt-BR,en;q=0.5", "Não encontrado"),
        ("de, pt;q=0.1", "Não encontrado"),
        ("de", "Not found"),
        ("pt;q=0", "Not found"),
        ("*", "Not found"),
        ("en, pt", "Not found"),
        ("\xff;q=x" * 1000, "Not found"),
    ],
)
def test_a_problem_is_in_the_language_that_the_caller_prefers(accepted: str, title: str) -> None:
    token = current_context.set(RequestContext(request_id="r-1", accept_language=accepted))
    try:
        problem = problem_of(NotFound("item", "7"))
    finally:
        current_context.reset(token)
    assert problem is not None
    assert problem.title == title


def test_violations_and_the_detail_that_lists_them_are_translated() -> None:
    token = current_context.set(RequestContext(request_id="r-1", accept_language="pt"))
    try:
        problem = problem_of(Invalid.of("/name", "missing", "is required"))
    finally:
        current_context.reset(token)
    assert problem is not None
    assert [one.message for one in problem.violations] == ["é obrigatório"]
    assert problem.detail == "/body/name: é obrigatório"


def test_the_catalogues_of_the_application_are_used() -> None:
    context = current_context.set(RequestContext(request_id="r-1", accept_language="pt"))
    token = current_catalogues.set({Language.PT: CATALOGUE})
    try:
        problem = problem_of(NotFound("item", "7"))
    finally:
        current_catalogues.reset(token)
        current_context.reset(context)
    assert problem is not None
    assert (problem.title, problem.detail) == ("Not found", "Não existe artigo com id 7.")
