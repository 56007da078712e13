"""The resource owner password credentials grant [RFC 6749, section 4.3], so that /docs can log in. Errors follow section 5.2 of that RFC."""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from api_base.core.errors import ApiBaseError
from api_base.interface.routes import body as bodies
from api_base.interface.routes.rendering import ProtocolAnswer

MAX_LENGTH: Final = 1024

PASSWORD_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "username", "password"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "password"},
                        "username": {"type": "string", "description": "The e-mail address.", "maxLength": 254},
                        "password": {"type": "string", "format": "password", "maxLength": MAX_LENGTH},
                        "scope": {"type": "string", "description": "Ignored: roles decide about permissions."},
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordGrant:
    """`problem` is the error code of an invalid request, or empty."""

    username: str
    password: str = field(repr=False)
    problem: str


class PasswordForm:
    """Reads the grant from the body."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> PasswordGrant:
        raw = await bodies.read(scope, receive, limit, bodies.FORM)
        try:
            form = dict(parse_qsl(raw.decode("ascii"), max_num_fields=10, errors="strict"))
        except ValueError:
            form = {}
        return PasswordGrant(username=form.get("username", ""), password=form.get("password", ""), problem=_problem(form))

    def __call__(self) -> None:
        """Declares the parameter for FastAPI's document, which `PASSWORD_FORM` completes."""


def _problem(form: dict[str, str]) -> str:
    if form.get("grant_type") != "password":
        return "unsupported_grant_type" if "grant_type" in form else "invalid_request"
    credentials = form.get("username", ""), form.get("password", "")
    return "" if all(0 < len(text) <= MAX_LENGTH and "\0" not in text for text in credentials) else "invalid_request"


def token_error(code: str, description: str, error: ApiBaseError | None = None) -> ProtocolAnswer:
    """An error response [RFC 6749, section 5.2], caused by `error`."""
    return ProtocolAnswer(status=400, content={"error": code, "error_description": description}, error=error)
