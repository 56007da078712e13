"""Which code `api-base serve --reload` watches, and what it takes for a change."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.serving.own_code import BASE, Watch, own_code, watch_code


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which Python looks for packages."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def file(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_packages_of_contexts_and_the_checkout_of_the_base_are_watched(source: Path) -> None:
    broken = file(source / "watched_package/__init__.py", "this is no Python")
    module = file(source / "watched_module.py")
    file(source / "watched_space/inner/__init__.py")
    names = ["watched_package.contexts:ONE", "watched_module:TWO", "watched_space.inner:THREE", "watched_nowhere:FOUR"]
    assert own_code(names) == sorted([broken.parent, module, source / "watched_space", BASE])


def test_a_package_in_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    package = file(tmp_path / "watched_here/__init__.py").parent
    assert package in own_code(["watched_here:CONTEXT"])


def test_many_changes_are_reported_once_and_compiled_files_are_none(tmp_path: Path) -> None:
    watch = Watch([tmp_path])
    assert watch.wait() == []
    for number in range(100):
        file(tmp_path / "routes.py", f"NUMBER = {number}\n")
    file(tmp_path / "__pycache__/routes.cpython-313.pyc")
    assert watch.wait() == [tmp_path / "routes.py"]
    assert watch.wait() == []


def test_a_single_file_is_reported_once_it_is_the_same_twice(tmp_path: Path) -> None:
    module = file(tmp_path / "shop.py", "A = 1\n")
    watch = Watch([module, tmp_path / ".env"])
    file(module, "A = ")
    assert watch.wait() == []
    file(module, "A = 22\n")
    assert watch.wait() == []
    assert watch.wait() == [module]
    assert watch.wait() == []
    environment = file(tmp_path / ".env")
    assert [watch.wait(), watch.wait()] == [[], [environment]]
    environment.unlink()
    assert [watch.wait(), watch.wait(), watch.wait()] == [[], [environment], []]


def test_production_refuses_to_reload() -> None:
    with pytest.raises(ConfigurationError, match="--reload: is for development, and ENVIRONMENT is production"):
        watch_code(Settings(_env_file=None).model_copy(update={"environment": "production"}))


def test_a_system_that_cannot_watch_is_named(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # an instance of inotify(7) needs a descriptor
    try:
        with pytest.raises(ConfigurationError, match="--reload: the code cannot be watched: .*Too many open files"):
            Watch([tmp_path])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_installed_base_is_not_watched(tmp_path: Path) -> None:
    assert own_code([], base=tmp_path / "lib/site-packages/api_base") == []
