"""Each kind of process is started, and reads its settings, without the secrets of the others."""

from pathlib import Path
from typing import get_args

import pytest

from api_base.bootstrap.configuration import load
from api_base.core.config import Settings
from api_base.core.config.sources import is_secret, variables
from api_base.core.errors import ConfigurationError
from api_base.core.shared.least_privilege import OPTIONAL, WITHHELD, Kind, environment_for
from api_base.testing.keys import pem

KINDS: tuple[Kind, ...] = get_args(Kind.__value__)
SECRETS = {
    "DATABASE__URL": "postgresql://app:a@db/api_base",
    "DATABASE__OWNER_URL": "postgresql://owner:o@db/api_base",
    "DATABASE__WORKER_URL": "postgresql://worker:w@db/api_base",
    "AUDIT__SIGNING_KEYS": pem().replace("\n", "\\n"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_withheld_is_a_secret_setting_and_leaves_the_environment_in_any_case(kind: Kind) -> None:
    secret = {variable for variable, field in variables(Settings) if is_secret(field.annotation)}
    assert WITHHELD[kind] <= OPTIONAL[kind] <= secret
    given = {"PATH": "/bin", **dict.fromkeys(SECRETS, "1"), **dict.fromkeys(map(str.lower, SECRETS), "2")}
    assert {name.upper() for name in environment_for(kind, given)} == {"PATH", *SECRETS} - WITHHELD[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_settings_from_a_file_are_withheld_too(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in SECRETS.items()))
    monkeypatch.chdir(tmp_path)
    database, audit = load(kind)[0].database, load(kind)[0].audit
    found = {"DATABASE__URL": True, "DATABASE__OWNER_URL": database.owner_url is not None}
    found |= {"DATABASE__WORKER_URL": database.worker_url is not None, "AUDIT__SIGNING_KEYS": audit.signing_keys != ()}
    assert {name for name, present in found.items() if present} == SECRETS.keys() - WITHHELD[kind]


@pytest.mark.parametrize("kind", [*KINDS, None])
def test_production_requires_what_the_process_uses(kind: Kind | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("DATABASE__URL", SECRETS["DATABASE__URL"])
    with pytest.raises(ConfigurationError) as refused:
        load(kind)
    required = {name for name in ("DATABASE__OWNER_URL", "DATABASE__WORKER_URL") if f"{name}: is required" in str(refused.value)}
    assert required == {"DATABASE__OWNER_URL", "DATABASE__WORKER_URL"} - (OPTIONAL[kind] if kind else set())
