"""Links in e-mails. The token is in the fragment, which browsers do not send [RFC 3986, section 3.5], so it reaches no log and no Referer."""

from uuid import UUID

from api_base.core.protocols import LinkTokens


class Links:
    """`base` is the URL of the pages, without a trailing slash."""

    def __init__(self, base: str, tokens: LinkTokens) -> None:
        self._base, self._tokens = base, tokens

    def to(self, page: str, *ids: UUID) -> str:
        """The link to `page`. Its token is valid for that page only."""
        return f"{self._base}/{page}#token={self._tokens.seal(page, *ids)}"
