"""The application's own code, and a watch on it, for `api-base serve --reload`.

Own are the packages of `CONTEXTS`, and the base where it runs from a checkout. `.env` of the working directory is watched with them, because a new
process reads it. Nothing is imported to find them: code that cannot be imported is watched until it is repaired.
"""

import os
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import api_base
from api_base.core.config import Settings
from api_base.core.di import missing_extra
from api_base.core.errors import ConfigurationError

BASE: Final = Path(api_base.__path__[0]).resolve()
"""The folder of the base itself."""
_WAIT_MS: Final = 100
_QUIET_MS: Final = 50
"""Milliseconds without a further change after which changes are reported together."""
_STORM_MS: Final = 1_000
"""Milliseconds after which they are reported while changes go on."""


def own_code(contexts: Sequence[str], base: Path = BASE) -> list[Path]:
    """Return the folders of own packages and the files of own modules. `contexts` are as `CONTEXTS` has them: `package.module:ATTRIBUTE`."""
    found = [place for name in contexts for place in _places(name.partition(":")[0].partition(".")[0])]
    if (base.parent.parent / "pyproject.toml").is_file():
        found.append(base)
    return sorted({place.resolve() for place in found})


def _places(package: str) -> Iterator[Path]:
    spec = find_spec(package) or PathFinder.find_spec(package, [os.getcwd()])  # which the server processes search, too
    if spec is None:
        return
    if spec.submodule_search_locations is not None:
        yield from map(Path, spec.submodule_search_locations)
    elif spec.has_location and spec.origin is not None:
        yield Path(spec.origin)


def watch_code(settings: Settings) -> "Watch":
    """Return a watch on the own code of an application and on `.env`. Processes that are started from now on write no compiled files.

    Raises `ConfigurationError` in production, without own code, and without the extra `reload`.
    """
    if settings.environment == "production":
        raise ConfigurationError(
            "--reload: is for development, and ENVIRONMENT is production. Remove --reload: after a deployment, SIGHUP replaces the processes."
        )
    if missing := missing_extra("reload"):
        raise ConfigurationError(f"--reload: {missing}")
    if not (code := own_code(settings.contexts)):
        raise ConfigurationError(
            "--reload: no code of yours is found to be watched: CONTEXTS names no package, and the base is no checkout. Set CONTEXTS."
        )
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    return Watch([*code, Path(".env").absolute()])


class Watch:
    """Reports changes in folders, by notifications of the system, and of single files, which it looks at again and again.

    Raises `ConfigurationError` if the system cannot watch the folders.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        from watchfiles import DefaultFilter, watch

        self._accepts = DefaultFilter()
        self._files = [place for place in places if not place.is_dir()]
        self._reported = self._seen = {file: _stamp(file) for file in self._files}
        folders = [place for place in places if place.is_dir()]
        self._changes = watch(*folders, watch_filter=None, debounce=_STORM_MS, step=_QUIET_MS, rust_timeout=_WAIT_MS, yield_on_timeout=True)
        try:
            next(self._changes)  # begins to watch
        except (OSError, RuntimeError) as error:  # such as the limit of inotify(7)
            raise ConfigurationError(
                f"--reload: the code cannot be watched: {error}. Start without --reload, or raise the limit."
            ) from error

    def wait(self) -> list[Path]:
        """Return what has changed, once it has been quiet for a moment; nothing after a tenth of a second without changes."""
        changed = [Path(path) for change, path in next(self._changes) if self._accepts(change, path)]
        return sorted([*changed, *self._changed_files()])

    def _changed_files(self) -> list[Path]:
        """Return the files that are not as they were reported, and have been the same twice."""
        now, before = {file: _stamp(file) for file in self._files}, self._seen
        changed = [file for file in self._files if now[file] == before[file] != self._reported[file]]
        self._seen, self._reported = now, {**self._reported, **{file: now[file] for file in changed}}
        return changed


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
