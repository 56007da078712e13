"""The base of all request bodies."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A request body. `sent()` is for merge patches [RFC 7396]: the fields that were sent.

    Strict: text is no number, and a number no text. A body bounds lengths, so that no work is done for text that is too long; which characters a
    field accepts is a rule of the domain (`TextRule`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=False)

    def sent(self) -> dict[str, Any]:
        """The fields that the client sent, by name, null included; those that have only their default are left out."""
        return {name: getattr(self, name) for name in self.model_fields_set}
