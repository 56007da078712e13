"""Links in email_templates. The token stands in the fragment, which browsers send to nobody [RFC 3986, section 3.5]: it is in no log and no Referer."""

from uuid import UUID

from api_base.core.protocols import LinkTokens


class Links:
    """`base` is the URL of the pages, without a slash at its end."""

    def __init__(self, base: str, tokens: LinkTokens) -> None:
        self._base, self._tokens = base, tokens

    def to(self, page: str, *ids: UUID) -> str:
        """The link to `page`, which is also what the token is good for."""
        return f"{self._base}/{page}#token={self._tokens.seal(page, *ids)}"
