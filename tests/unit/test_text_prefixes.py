"""The end of the range of texts with a prefix: the next character, which is never a surrogate and never beyond the last one."""

import pytest

from api_base.infrastructure.db.query_builder.translation import prefix_end


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("ab", "ac"),
        ("a\ud7ff", "a\ue000"),
        ("a\U0010fffe", "a\U0010ffff"),
        ("ab\U0010ffff", "ac"),
        ("ab\U0010ffff\U0010ffff", "ac"),
        ("\U0010ffff", None),
        ("", None),
    ],
)
def test_the_end_of_a_prefix_is_the_next_text(prefix: str, end: str | None) -> None:
    assert prefix_end(prefix) == end
