"""`api-base new`: what is written depends on where the base came from, and nothing is written by half."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from api_base.core.errors import ConfigurationError
from api_base.generating.origin import Origin, origin_of
from api_base.generating.project import create_project

COMMIT = "0" * 40
INDEX = Origin(version="0.1.0", described="version 0.1.0 of the package index")


def test_a_version_of_the_index(tmp_path: Path) -> None:
    origin = origin_of("1.2.3", None, tmp_path)
    assert (origin.requirement, origin.sources(), origin.described) == ("~=1.2.3", "", "version 1.2.3 of the package index")


def test_a_wheel_is_taken_along(tmp_path: Path) -> None:
    wheel = tmp_path / "python_api_base-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    origin = origin_of("0.1.0", {"url": wheel.as_uri(), "archive_info": {}}, tmp_path / "shop")
    assert origin.described == f"the wheel {wheel.name}, copied into wheels/"
    assert origin.requirement == ""
    assert sources(origin) == {"path": f"wheels/{wheel.name}"}
    (tmp_path / "shop").mkdir()
    origin.copy_into(tmp_path / "shop")
    assert (tmp_path / "shop/wheels" / wheel.name).read_bytes() == b"wheel"


def test_a_checkout_is_named_relative_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "api base").mkdir()
    direct_url = {"url": (tmp_path / "api base").as_uri(), "dir_info": {"editable": True}}
    origin = origin_of("0.1.0", direct_url, tmp_path / "work/shop")
    assert sources(origin) == {"path": "../../api base", "editable": True}
    assert origin.described == "the checkout ../../api base; other machines need it at the same place"


def test_a_commit_and_an_archive(tmp_path: Path) -> None:
    commit = origin_of("0.1.0", {"url": "https://example.com/base.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, tmp_path)
    assert sources(commit) == {"git": "https://example.com/base.git", "rev": COMMIT}
    assert commit.described == f"the commit {COMMIT} of https://example.com/base.git"
    archive = origin_of("0.1.0", {"url": "https://example.com/base.whl", "archive_info": {}}, tmp_path)
    assert sources(archive) == {"url": "https://example.com/base.whl"}
    assert archive.described == "the archive https://example.com/base.whl"


def test_a_wheel_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        origin_of("0.1.0", {"url": (tmp_path / "gone.whl").as_uri(), "archive_info": {}}, tmp_path)
    assert str(refused.value) == (
        f"API Base was installed from {tmp_path / 'gone.whl'}, which does not exist any longer, so no project can depend on it. "
        "Install API Base again, from the package index, a wheel or a checkout."
    )


def sources(origin: Origin) -> object:
    return tomllib.loads(origin.sources())["tool"]["uv"]["sources"]["python-api-base"]


def test_a_project_is_complete(tmp_path: Path) -> None:
    create_project("my-shop", tmp_path / "my-shop", INDEX)
    files = {str(path.relative_to(tmp_path / "my-shop")) for path in (tmp_path / "my-shop").rglob("*") if path.is_file()}
    assert {name for name in files if not name.startswith(".git/")} == {
        ".api-base.json",
        ".dockerignore",
        ".env",
        ".github/workflows/ci.yml",
        ".gitignore",
        ".python-version",
        "AGENTS.md",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "src/my_shop/__init__.py",
        "src/my_shop/py.typed",
        "tests/conftest.py",
        "tests/test_application.py",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["my-shop"]
    text = "".join((tmp_path / "my-shop" / name).read_text() for name in files if not name.startswith(".git/"))
    assert "@@" not in text
    assert "CONTEXTS=my_shop:CONTEXTS\nCONTEXTS_DISABLED=items\n" in text
    assert tomllib.loads((tmp_path / "my-shop/pyproject.toml").read_text())["project"]["name"] == "my-shop"


def test_what_is_written_is_formatted(tmp_path: Path) -> None:
    create_project("my-shop", tmp_path / "my-shop", INDEX)
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."],
            cwd=tmp_path / "my-shop",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_an_empty_folder_is_filled_and_another_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    create_project("shop", tmp_path / "here", INDEX)
    before = (tmp_path / "here/.env").read_text()
    with pytest.raises(ConfigurationError) as refused:
        create_project("other", tmp_path / "here", INDEX)
    assert str(refused.value) == (
        f"{tmp_path / 'here'} exists and is no empty folder. Nothing was written. Choose another name, or pass --path."
    )
    assert (tmp_path / "here/.env").read_text() == before
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="is no empty folder"):
        create_project("shop", tmp_path / "file", INDEX)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    gone = Origin(version="0.1.0", described="a wheel", source="{}", wheel=tmp_path / "gone.whl")
    with pytest.raises(FileNotFoundError, match=r"gone\.whl"):
        create_project("shop", tmp_path / "shop", gone)
    assert list(tmp_path.iterdir()) == []
