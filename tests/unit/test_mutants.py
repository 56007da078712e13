"""The mutation tool: what it changes, what it leaves alone, and that a sample does not depend on where code stands."""

from pathlib import Path

from tools.mutants.__main__ import sample
from tools.mutants.mutation import Mutation, apply, mutations
from tools.mutants.operators import edits
from tools.mutants.scope import MUTATED, ROOT, SOURCE

CODE = b'''"""Text for people."""

QUERY = "select id from items where tenant_id = $1 and dead order by id"


async def close(self, limit: int = 3) -> bool:
    """Text for people."""
    if self.open and limit > 0:
        logger.info("closing")
        await self.pool.retire(limit)
    return True
'''


def found(source: bytes) -> list[Mutation]:
    return mutations("a.py", source, edits(source))


def test_each_kind_of_change_is_tried() -> None:
    changed = {(one.operator, one.after) for one in found(CODE)}
    assert {
        ("SQL", '"select id from items where dead order by id"'),
        ("boolean operator", "(self.open or limit > 0)"),
        ("comparison", "(limit >= 0)"),
        ("constant", "4"),
        ("constant", "False"),
        ("drop condition", "(self.open)"),
        ("force condition", "True"),
        ("remove awaited call", "pass"),
        ("swap method", "self.pool.release"),
    } <= changed


def test_texts_and_logs_are_left_alone() -> None:
    assert not [one for one in found(CODE) if "people" in one.before or "closing" in one.before]


def test_a_change_replaces_its_place_alone() -> None:
    [swap] = [one for one in found(CODE) if one.operator == "swap method"]
    assert apply(CODE, [swap]) == CODE.replace(b"retire", b"release")


def test_code_that_moved_has_the_same_mutations() -> None:
    moved = CODE.replace(b"QUERY =", b"# a comment\n\nQUERY =")
    assert [one.id for one in found(moved)] == [one.id for one in found(CODE)]


def test_a_seed_draws_the_same_sample_and_every_package_is_there() -> None:
    whole = sample(10**6, 7, "")
    assert sample(5, 7, "core") == [one for one in whole if one.path.startswith(f"{SOURCE}/core")][:5]
    assert whole != sorted(whole, key=lambda one: one.rank(8))
    assert len({one.id for one in whole}) == len(whole)
    assert all(any(one.path.startswith(f"{SOURCE}/{part}") for one in whole) for part in MUTATED)
    compile(apply((ROOT / whole[0].path).read_bytes(), whole[:1]), str(Path(whole[0].path)), "exec")
