"""/links: the pages behind the links in e-mails, unless a front end has its own pages (`MAIL__LINKS`).

Opening a link changes nothing, because mail scanners open links too: the page contains a form, and the form calls the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from api_base.core.types import Language
from api_base.core.types.language import preferred
from api_base.interface.errors.http import RouteNotFound

ASSETS: Final = {"links.js": "text/javascript", "links.css": "text/css"}
_FOLDER: Final = Path(__file__).parent / "links_assets"

type Words = Mapping[Language, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Sends its fields and the link's token to `path` of the API. With `login`, the fields log the user in, who then sends the token."""

    path: str
    fields: tuple[str, ...]
    button: Words
    login: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """`done` is the text after a form was sent successfully."""

    title: Words
    done: Words
    forms: tuple[Form, ...]


def _words(en: str, pt: str) -> Words:
    return {Language.EN: en, Language.PT: pt}


FIELDS: Final[Mapping[str, tuple[str, str, Words]]] = {
    "name": ("text", "name", _words("Name", "Nome")),
    "email": ("email", "username", _words("E-mail", "E-mail")),
    "password": ("password", "new-password", _words("Password", "Senha")),
}
"""Type, autocompletion and label of each field."""

PAGES: Final[Mapping[str, LinkPage]] = {
    "confirm-registration": LinkPage(
        title=_words("Confirm your address and choose a password", "Confirme o seu endereço e escolha uma senha"),
        done=_words("Your account is active. You can log in.", "A sua conta está aberta: você já pode entrar."),
        forms=(Form(path="/auth/register/confirm", fields=("password",), button=_words("Confirm", "Confirmar")),),
    ),
    "reset-password": LinkPage(
        title=_words("Set a new password", "Defina outra senha"),
        done=_words("Your password is set. You can log in.", "A senha está definida: você já pode entrar."),
        forms=(Form(path="/auth/password/reset", fields=("password",), button=_words("Set it", "Definir")),),
    ),
    "accept-invitation": LinkPage(
        title=_words("Accept the invitation", "Aceite o convite"),
        done=_words("You are now a member.", "Agora você é membro."),
        forms=(
            Form(
                path="/tenants/invitations/register",
                fields=("name", "password"),
                button=_words("I am new: register", "Ainda não tenho conta: registrar"),
            ),
            Form(
                path="/tenants/invitations/accept",
                fields=("email", "password"),
                button=_words("I have an account: log in", "Já tenho conta: entrar"),
                login=True,
            ),
        ),
    ),
}
"""The pages by the name in their URL."""

_HTML: Final = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · {app}</title>
<link rel="stylesheet" href="assets/links.css">
</head>
<body data-api="..{api}" data-done="{done}">
<h1>{title}</h1>
<p id="message" role="status"></p>
{forms}
<script type="module" src="assets/links.js"></script>
</body>
</html>
"""


def routes(app_name: str, api: str) -> APIRouter:
    """Serve the pages and their assets. `api` is the path of the newest version of the API."""
    router = APIRouter(include_in_schema=False)
    pages = {(name, language): _page(page, language, app_name, api) for name, page in PAGES.items() for language in Language}

    @router.api_route("/links/{name}", methods=["GET", "HEAD"])
    async def page(name: str, request: Request) -> Response:
        language = preferred(request.headers.get("accept-language"))
        if (name, language) not in pages:
            raise RouteNotFound
        return HTMLResponse(pages[name, language], headers={"cache-control": "no-store", "vary": "accept-language"})

    @router.api_route("/links/assets/{name}", methods=["GET", "HEAD"])
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            raise RouteNotFound
        return FileResponse(_FOLDER / name, media_type=ASSETS[name], headers={"cache-control": "public, max-age=3600"})

    return router


def _page(page: LinkPage, language: Language, app_name: str, api: str) -> str:
    return _HTML.format(
        language=language,
        title=escape(page.title[language]),
        app=escape(app_name),
        api=escape(api),
        done=escape(page.done[language]),
        forms="\n".join(_form(form, language) for form in page.forms),
    )


def _form(form: Form, language: Language) -> str:
    fields = "\n".join(_field(name, language, login=form.login) for name in form.fields)
    return f'<form data-path="{form.path}"{" data-login" if form.login else ""}>\n{fields}\n<button>{escape(form.button[language])}</button>\n</form>'


def _field(name: str, language: Language, *, login: bool) -> str:
    kind, completed, label = FIELDS[name]
    hint = "current-password" if login and name == "password" else completed
    return f'<label>{escape(label[language])} <input name="{name}" type="{kind}" autocomplete="{hint}" required></label>'
