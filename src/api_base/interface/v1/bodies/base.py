"""The base of all request bodies."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


def _storable(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul", "must not contain the character NUL")
    return value


Text = Annotated[str, AfterValidator(_storable)]
"""Text that PostgreSQL can store; halves of surrogate pairs do not get past the parser. Bound its length with `Field(max_length=…)`."""


class Body(BaseModel):
    """A request body. `sent()` is for merge patches [RFC 7396]: the fields that were sent.

    Strict: text is no number, and a number no text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=False)

    def sent(self) -> dict[str, Any]:
        """The fields that the client sent, by name, null included; those that have only their default are left out."""
        return {name: getattr(self, name) for name in self.model_fields_set}
