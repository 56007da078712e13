"""The pages that links in mails lead to: there is one for each link, and what its forms send is what the API takes."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from api_base.application.tenants.commands.invite_member import ACCEPT
from api_base.application.users.commands.confirm_registration import CONFIRM
from api_base.application.users.commands.request_password_reset import RESET
from api_base.interface import links_router
from api_base.interface.links_router import PAGES, Form
from tests.architecture.routes import DOCUMENT
from tests.http_harness import shell


class Page(HTMLParser):
    """What a browser would load and send."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline, self.loaded, self.fields, self._in = list[str](), list[str](), list[dict[str, str | None]](), ""
        self.language: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._in = tag
        self.language = self.language or values.get("lang")
        self.loaded += [found for name in ("src", "href") if (found := values.get(name))]
        self.inline += [name for name in values if name.startswith("on") or name == "style"]
        if tag == "input":
            self.fields.append(values)

    def handle_data(self, data: str) -> None:
        if self._in in ("script", "style") and data.strip():
            self.inline.append(data)


def test_every_link_has_its_page() -> None:
    assert set(PAGES) == {CONFIRM, RESET, ACCEPT}


def taken(path: str) -> dict[str, Any]:
    body = DOCUMENT["paths"][f"/api/v2{path}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    return found


@pytest.mark.parametrize("form", [form for page in PAGES.values() for form in page.forms], ids=lambda form: form.path)
def test_a_form_sends_what_is_taken(form: Form) -> None:
    sent = {"/auth/login": set(form.fields), form.path: {"token"}} if form.login else {form.path: {"token", *form.fields}}
    for path, fields in sent.items():
        assert set(taken(path)["required"]) == fields


@pytest.mark.parametrize("language", ["en", "pt"])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_speaks_the_browsers_language_and_holds_nothing_inline(name: str, language: str) -> None:
    here = shell()
    here.app.include_router(links_router.routes("A & <B>", "/api/v2"))
    async with here.client() as client:
        answer = await client.get(f"/links/{name}", headers={"accept-language": f"{language}-XX"})
        page = Page(answer.text)
        assert (answer.status_code, page.language, page.inline) == (200, language, [])
        assert "A &amp; &lt;B&gt;" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert sum(len(form.fields) for form in PAGES[name].forms) == len(page.fields)
        for asset in page.loaded:
            assert (await client.get(f"/links/{asset}")).status_code == 200


@pytest.mark.parametrize("name", PAGES)
async def test_a_password_is_masked_and_may_be_pasted_and_managed(name: str) -> None:
    here = shell()
    here.app.include_router(links_router.routes("A", "/api/v2"))
    async with here.client() as client:
        passwords = [field for field in Page((await client.get(f"/links/{name}")).text).fields if field["name"] == "password"]
    assert passwords
    for field in passwords:
        assert (field["type"], field.keys()) == ("password", {"name", "type", "autocomplete", "required"})
        assert str(field["autocomplete"]).endswith("-password")


def test_the_script_shows_what_it_receives_as_text_and_keeps_nothing() -> None:
    script = Path(links_router.__file__).with_name("links_assets").joinpath("links.js").read_text(encoding="utf-8")
    assert "message.textContent = error.message" in script
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function|Storage|indexedDB|cookie", script)


async def test_there_is_nothing_else() -> None:
    here = shell()
    here.app.include_router(links_router.routes("A", "/api/v2"))
    async with here.client() as client:
        for path in ("/links/other", "/links/assets/other", "/links/assets/..%2flinks_router.py"):
            assert (await client.get(path)).status_code == 404
