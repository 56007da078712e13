"""Modules that exist are changed by syntax tree: in any form that they have, once, and never where there is no place."""

import libcst as cst
import pytest

from api_base.core.errors import ConfigurationError
from api_base.generating.staging import Edit
from api_base.generating.syntax_tree import (
    appended,
    appended_class,
    attributes_in,
    before_return,
    declared,
    imported,
    with_keyword,
)


def edited(code: str, *edits: Edit) -> str:
    tree = cst.parse_module(code)
    for edit in edits:
        tree = edit(tree)
    return tree.code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""Shop."""\n', '"""Shop."""\nfrom shop.notes import NOTES\n'),
        ("import os\n\nX = 1\n", "import os\nfrom shop.notes import NOTES\n\nX = 1\n"),
        ("from shop.notes import NOTES  # mine\n", "from shop.notes import NOTES  # mine\n"),
        ("from shop.notes import (\n    NOTES,\n    other,\n)\n", "from shop.notes import (\n    NOTES,\n    other,\n)\n"),
        ("from shop.other import NOTES as X\n", "from shop.other import NOTES as X\nfrom shop.notes import NOTES\n"),
    ],
)
def test_a_name_is_imported_once(before: str, after: str) -> None:
    assert edited(before, imported("shop.notes", "NOTES")) == after
    assert edited(after, imported("shop.notes", "NOTES")) == after


def test_a_name_is_imported_under_another() -> None:
    edit = imported("shop.notes", "CONTEXT", "NOTES")
    assert edited("from shop.notes import CONTEXT\n", edit) == "from shop.notes import CONTEXT\nfrom shop.notes import CONTEXT as NOTES\n"
    assert edited("from shop.notes import CONTEXT as NOTES\n", edit) == "from shop.notes import CONTEXT as NOTES\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CONTEXTS: tuple[Context, ...] = ()\n", "CONTEXTS: tuple[Context, ...] = (NOTES,)\n"),
        ("CONTEXTS = []\n", "CONTEXTS = [NOTES,]\n"),
        ("CONTEXTS = (A, B)  # two\n", "CONTEXTS = (A, B,NOTES,)  # two\n"),
        ("CONTEXTS = (\n    A,  # first\n)\n", "CONTEXTS = (\n    A,  # first\nNOTES,)\n"),
        ("CONTEXTS = (NOTES, A)\n", "CONTEXTS = (NOTES, A)\n"),
        ("CONTEXTS = (\n    (\n        NOTES  # mine\n    ),\n)\n", "CONTEXTS = (\n    (\n        NOTES  # mine\n    ),\n)\n"),
    ],
)
def test_an_element_is_added_once(before: str, after: str) -> None:
    assert edited(before, appended("CONTEXTS", "NOTES")) == after
    assert edited(after, appended("CONTEXTS", "NOTES")) == after


def test_what_is_no_tuple_gets_no_element() -> None:
    for code in ("CONTEXTS = tuple(found())\n", "OTHER = ()\n", "CONTEXTS += (A,)\n"):
        with pytest.raises(ConfigurationError, match=r"CONTEXTS is no tuple or list as it is written, so nothing can be added to it\."):
            edited(code, appended("CONTEXTS", "NOTES"))


def test_handlers_are_declared_once() -> None:
    edit = declared("CONTEXT", "handlers", "on(A, b(ports))")
    once = edited("CONTEXT = NOTES.context()\n", edit)
    assert once == "CONTEXT = NOTES.context(handlers = lambda ports: [on(A, b(ports)),])\n"
    assert edited(once, edit) == once
    assert edited("C = Context(name='x', handlers=lambda ports: [on(B, c)])\n", declared("C", "handlers", "d")) == (
        "C = Context(name='x', handlers=lambda ports: [on(B, c),d,])\n"
    )


def test_the_context_of_crud_takes_what_is_generated() -> None:
    jobs = declared("CONTEXT", "jobs", "JOB")
    once = edited("CONTEXT = NOTES.context()\n", jobs)
    assert once == "CONTEXT = NOTES.context(jobs = (JOB,))\n"
    assert edited(once, jobs) == once
    both = edited(once, declared("CONTEXT", "handlers", "h"), declared("CONTEXT", "subscribers", "S"))
    assert both == "CONTEXT = NOTES.context(jobs = (JOB,), handlers = lambda ports: [h,], subscribers = lambda ports: [S,])\n"


def test_what_is_replaced_around_it_is_added_to_there() -> None:
    by_hand = "CONTEXT = replace(NOTES.context(), subscribers=lambda ports: [OWN])\n"
    assert edited(by_hand, declared("CONTEXT", "subscribers", "S"), declared("CONTEXT", "handlers", "h")) == (
        "CONTEXT = replace(NOTES.context(handlers = lambda ports: [h,]), subscribers=lambda ports: [OWN,S,])\n"
    )


def test_what_is_no_context_gets_nothing() -> None:
    with pytest.raises(ConfigurationError, match=r"CONTEXT is neither Context\(…\) nor what crud\(…\)\.context\(…\) returns"):
        edited("CONTEXT = make()\n", declared("CONTEXT", "jobs", "JOB"))
    with pytest.raises(ConfigurationError, match=r"handlers of CONTEXT is no list as it is written\. Add h to it\."):
        edited("CONTEXT = NOTES.context(handlers=found)\n", declared("CONTEXT", "handlers", "h"))
    with pytest.raises(ConfigurationError, match=r"handlers of CONTEXT takes 'p', not ports\. Rename it\."):
        edited("CONTEXT = NOTES.context(handlers=lambda p: [])\n", declared("CONTEXT", "handlers", "h"))


def test_an_argument_is_given_once_and_never_replaced() -> None:
    routes = with_keyword("CONTEXT", "routes", "routes")
    once = edited("CONTEXT = NOTES.context()\n", routes)
    assert once == "CONTEXT = NOTES.context(routes = routes)\n"
    assert edited(once, routes) == once
    with pytest.raises(ConfigurationError, match=r"routes of CONTEXT is not routes\. Write routes=routes, or add the code by hand\."):
        edited("CONTEXT = NOTES.context(routes=mine)\n", routes)


def test_a_function_goes_before_the_return() -> None:
    edit = before_return("routes", "inner", "def inner() -> None:\n    pass\n")
    code = "def routes(bus: Bus) -> Router:\n    router = Router()\n    return router\n"
    once = edited(code, edit)
    assert once == "def routes(bus: Bus) -> Router:\n    router = Router()\n    def inner() -> None:\n        pass\n    return router\n"
    assert edited(once, edit) == once
    for other in ("def routes(bus: Bus) -> Router:\n    pass\n", "X = 1\n"):
        with pytest.raises(ConfigurationError, match=r"it has no function 'routes' that ends with return"):
            edited(other, edit)


def test_a_class_goes_before_the_functions() -> None:
    edit = appended_class("Body", "class Body(BaseModel):\n    title: str\n")
    once = edited("import x\ndef f() -> None: ...\n", edit)
    assert once == "import x\nclass Body(BaseModel):\n    title: str\ndef f() -> None: ...\n"
    assert edited(once, edit) == once


def test_the_attributes_of_a_class_are_read() -> None:
    code = 'class Note(Resource):\n    """One."""\n    title: Annotated[str, TextRule(max_length=9)]\n    body: str | None = None\n\n    def f(self) -> None: ...\n'
    assert attributes_in(code, "Note") == {"title": "Annotated[str, TextRule(max_length=9)]", "body": "str | None"}
    assert attributes_in(code, "Other") == {}
