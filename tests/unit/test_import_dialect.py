"""The options of an import that say how a file is written: each name is understood, and what cannot work is refused by its option."""

import pytest

from api_base.application.common.importing.dialect import Dialect, DialectRefused


@pytest.mark.parametrize(
    ("option", "name", "meaning"),
    [
        *(("encoding", name, "utf-8") for name in ("utf-8", "UTF8", "us-ascii", "ascii")),
        *(("encoding", name, "utf-16") for name in ("utf-16", "utf16")),
        *(("encoding", name, "windows-1252") for name in ("windows-1252", "CP1252", "iso-8859-1", "latin-1", "latin1")),
        *(("delimiter", name, one) for name, one in (("comma", ","), ("semicolon", ";"), ("tab", "\t"), ("pipe", "|"), ("~", "~"), ("§", "§"))),
        *(("quote", name, one) for name, one in (("double", '"'), ("single", "'"), ("none", ""), ("'", "'"))),
        *(("decimal", name, one) for name, one in (("point", "."), ("comma", ","), (",", ","))),
        *(("items", name, name) for name in ("data", "result.rows", "a" * 200)),
    ],
)  # fmt: skip
def test_each_name_of_an_option_is_understood(option: str, name: str, meaning: str) -> None:
    assert getattr(Dialect.parse({option: name}), option) == meaning


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("encoding", "utf-7"),
        *(("delimiter", value) for value in ('"', "'", "\r", "\n", "\0", "a", "7", "é", "::", "")),
        ("quote", "`"),
        ("decimal", ";"),
        *(("items", value) for value in ("", ".", "a..b", ".a", "a.", "a" * 201)),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_its_option(option: str, value: str) -> None:
    with pytest.raises(DialectRefused, match=f"^{option} must be ") as caught:
        Dialect.parse({option: value})
    assert caught.value.option == option
