"""What all request bodies share."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


def _storable(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul", "must not contain the character NUL")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise PydanticCustomError("surrogate", "must not contain half of a surrogate pair")
    return value


Text = Annotated[str, AfterValidator(_storable)]
"""Text that PostgreSQL can store. Bound its length with `Field(max_length=…)`."""


class Body(BaseModel):
    """A request body. `sent()` is for merge patches [RFC 7396]: the fields that were sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)

    def sent(self) -> dict[str, Any]:
        """The fields that the client sent, by name, null included; those that have only their default are left out."""
        return {name: getattr(self, name) for name in self.model_fields_set}
