"""The code that is mutated, and the tests that must notice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = "src/api_base"

MUTATED: Final = (
    "application/common",
    "core/config/production.py",
    "domain",
    "infrastructure/auth",
    "infrastructure/db",
    "infrastructure/events",
    "infrastructure/idempotency",
    "infrastructure/rabbitmq",
    "infrastructure/remote",
    "infrastructure/resilience",
    "infrastructure/serialization",
    "infrastructure/tasks",
    "interface/middleware",
    "interface/routes",
)
"""Packages and modules below `src/api_base`. Each later step of the project adds its own."""

SUITE: Final = ("tests/unit", "tests/architecture", "tests/contracts", "tests/integration")
"""What a mutation meets before it counts as a survivor: everything but the tests that start processes."""


def files(root: Path = ROOT) -> Iterator[Path]:
    """The mutated files, relative to `root`, in a fixed order. Migrations are left out: they run once and are never edited."""
    for part in MUTATED:
        place = root / SOURCE / part
        found = [place] if place.suffix else sorted(place.rglob("*.py"))
        yield from (file.relative_to(root) for file in found if "migrations/0" not in file.as_posix())


def package_of(path: str) -> str:
    """The entry of `MUTATED` that `path` belongs to."""
    return next(part for part in MUTATED if path.startswith(f"{SOURCE}/{part}"))
