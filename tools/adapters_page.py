"""Writes docs/adapters.md: the adapters of each port, from the mappings in `bootstrap/adapters.py`, and how to add one."""

from collections.abc import Mapping
from typing import Final, Never

from api_base.bootstrap.adapters import BUILT_IN, DATABASE
from api_base.core.di import EXTRAS, Adapter

HEADING: Final = """# Adapters

The scheme of one URL selects the adapter of a port; nothing else changes. The mappings are in `src/api_base/bootstrap/adapters.py`. The check of the
configuration, the container, `api-base doctor` and this page read them.

*`make docs` writes this page. Change the summaries in the `factory.py` of each adapter.*

"""
EXTRA: Final = """
A missing extra is reported with the command that installs it: `pip install 'python-api-base[kafka]'`. `src/api_base/core/di/__init__.py` lists the
extras.

"""
GUIDE: Final = """## Add an adapter from your own package

Write the adapter, and add it to a context. No file of the base changes. [examples/file_mailer](../examples/file_mailer) does it for
`MAIL__URL=file:///var/mail/outbox`:

```python
FILE_MAILER = Context(name="file_mailer", adapters=Adapters(mail={"file": FILE}))
```

`CONTEXTS=file_mailer:FILE_MAILER` loads it. The URL alone then selects it, and a wrong URL is reported with all other problems of the configuration. If
the adapter has a coroutine `check`, `api-base doctor` calls it. If it calls its service through `ports.policy(name)`, the service appears in
`/health/ready` and in the metrics.

## Add an adapter to the base

A rate limiter on another store, for example, touches four files:

| file | change |
|---|---|
| `src/api_base/infrastructure/rate_limit/<store>.py` | the adapter: a class that implements `RateLimiter` |
| `src/api_base/infrastructure/rate_limit/factory.py` | an `Adapter` value: how it is built, the form of its URL, its extra |
| `src/api_base/bootstrap/adapters.py` | its scheme in `rate_limit` |
| `src/api_base/core/di/__init__.py` | its extra, if it needs a driver that is not installed yet (declared in `pyproject.toml`) |

`tests/contracts/test_rate_limiter.py` runs the contract suite over it once it is in the list of adapters there, and `make docs` adds it to this page.
"""


def page() -> str:
    """The page in Markdown."""
    ports: Mapping[str, Mapping[str, Adapter[Never, object]]] = {
        "DATABASE__URL": DATABASE,
        "CACHE__URL": BUILT_IN.cache,
        "EVENTS__URL": BUILT_IN.events,
        "JOBS__URL": BUILT_IN.jobs,
        "MAIL__URL": BUILT_IN.mail,
        "RATE_LIMIT__URL": BUILT_IN.rate_limit,
        "REALTIME__URL": BUILT_IN.realtime,
        "REMOTE__URL": BUILT_IN.remote,
        "SCANNER__URL": BUILT_IN.scanner,
        "SEARCH__URL": BUILT_IN.search,
        "STORAGE__URL": BUILT_IN.storage,
    }
    sections = [_section(variable, adapters) for variable, adapters in ports.items()]
    return HEADING + "\n".join(sections) + EXTRA + GUIDE


def _section(variable: str, adapters: Mapping[str, Adapter[Never, object]]) -> str:
    rows = [
        f"| `{scheme}` | `{one.url}` | {_extra(one.extra)} | {'no' if one.unsafe else 'yes'} | {one.summary} |"
        for scheme, one in adapters.items()
    ]
    return "\n".join(
        [f"## `{variable}`", "", "| scheme | URL | extra | in production | what it does |", "|---|---|---|---|---|", *rows, ""]
    )


def _extra(extra: str | None) -> str:
    if extra is None:
        return "none"
    assert extra in EXTRAS
    return f"`{extra}`"
