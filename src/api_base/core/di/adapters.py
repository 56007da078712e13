"""One variable selects the adapter of a port: the scheme of its URL. Everything that depends on the scheme is derived from one mapping.

The mapping of a port is `{scheme: Adapter}`. Validation, the container, `api-base doctor` and the documentation read it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from api_base.core.di.extras import missing_extra
from api_base.core.errors import ConfigurationError


def _any_url(url: str) -> None:
    del url


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter[P, T]:
    """One implementation of a port `T`.

    `build` creates it from `P` and opens nothing. It imports the driver itself: an adapter that is not selected costs no import.
    `url` is the form of its URL, as errors and the documentation show it. `validate` raises `ValueError` with what is wrong with a URL of its
    scheme ("must …"), and never shows the URL: it may hold a password.
    `summary` is one sentence for the documentation. `extra` is the optional dependency that it needs, of `core.di.EXTRAS`.
    `unsafe` is the reason why production refuses it, None for an adapter that production accepts.
    """

    build: Callable[[P], T]
    url: str
    summary: str
    validate: Callable[[str], None] = _any_url
    extra: str | None = None
    unsafe: str | None = None


@dataclass(frozen=True, slots=True)
class Selection[P, T]:
    """The adapter of one port that the URL in `variable` selects among `adapters`. Without a URL, none is selected."""

    variable: str
    url: str | None
    adapters: Mapping[str, Adapter[P, T]]

    def problem(self) -> str | None:
        """Return why the URL cannot be used, and what to write instead; None for a usable one. The URL is never part of it.

        >>> Selection("MAIL__URL", "fax://", {"console": Adapter(build=print, url="console://", summary="")}).problem()
        'MAIL__URL: no adapter has this scheme. Write console://.'
        """
        if self.url is None:
            return None
        adapter = self._adapter()
        if adapter is None:
            forms = dict.fromkeys(adapter.url for adapter in self.adapters.values())
            return f"{self.variable}: no adapter has this scheme. Write {' or '.join(forms)}."
        if adapter.extra is not None and (missing := missing_extra(adapter.extra)):
            return f"{self.variable}: {missing}"  # no full stop: it ends with a command
        try:
            adapter.validate(self.url)
        except ValueError as error:
            return f"{self.variable}: {error}."
        return None

    def unsafe(self) -> str | None:
        """Return why production refuses the adapter, and what to write instead; None for an accepted adapter."""
        adapter = self._adapter()
        if adapter is None or adapter.unsafe is None:
            return None
        forms = dict.fromkeys(adapter.url for adapter in self.adapters.values() if adapter.unsafe is None)
        return f"{self.variable}: {adapter.unsafe}; write {' or '.join(forms)}."

    def build(self, ports: P) -> T:
        """Create the selected adapter. Raises `ConfigurationError` without one, or if the URL cannot be used."""
        adapter = self._adapter()
        if problem := self.problem():
            raise ConfigurationError(problem)
        if adapter is None:
            forms = dict.fromkeys(adapter.url for adapter in self.adapters.values())
            raise ConfigurationError(f"{self.variable}: is required. Write {' or '.join(forms)}.")
        return adapter.build(ports)

    def _adapter(self) -> Adapter[P, T] | None:
        return None if self.url is None else self.adapters.get(self.url.partition("://")[0])
