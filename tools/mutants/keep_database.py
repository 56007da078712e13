"""Keeps the tests' server with its template database until standard input ends. Run by pytest, with the fixtures of the tests themselves."""

import os
import sys
from pathlib import Path
from typing import Any

from tools.mutants.shared_database import describe


def test_keep(postgres: Any, template: str) -> None:
    describe(postgres.create(), postgres.admin, template, Path(os.environ["MUTANTS_KEEP"]))
    sys.stdin.read()
