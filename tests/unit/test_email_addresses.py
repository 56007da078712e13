"""E-mail addresses: one form for one mailbox; what cannot be mailed is refused with the form to write."""

import pytest

from api_base.core.errors import Invalid
from api_base.domain.common.value_objects import EmailAddress

IN_ASCII = "must be in ASCII; write an internationalized domain as in ana@xn--mnchen-3ya.de"
AN_ADDRESS = "must be an e-mail address such as ana@example.com"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Ana@Example.COM", "ana@example.com"),
        ("  ana@example.com\t", "ana@example.com"),
        ("ana@XN--MNCHEN-3ya.de", "ana@xn--mnchen-3ya.de"),
        ("ana@sub.xn--fiqs8s.example", "ana@sub.xn--fiqs8s.example"),
        ("a.b+c_d'e@example.co", "a.b+c_d'e@example.co"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
    ],
)
def test_an_address_has_one_form(written: str, stored: str) -> None:
    assert EmailAddress.parse(written).value == stored


@pytest.mark.parametrize(
    "written", ["ana@münchen.de", "ana@mu\u0308nchen.de", "josé@example.com", "ana@例え.jp", "\u0430na@example.com", "ana@example\u3002com"]
)
def test_an_internationalized_address_is_refused_with_the_form_to_write(written: str) -> None:
    assert reason(written) == IN_ASCII


@pytest.mark.parametrize(
    "written",
    [
        "", "@", "ana", "ana@", "@example.com", "ana@@example.com", "ana@example", ".ana@example.com", "ana.@example.com", "a..b@example.com",
        "ana@-a.com", "ana@a-.com", "ana@example.com.", "ana@.example.com", "ana@a..com", '"a b"@example.com', "a b@example.com", "ana@[127.0.0.1]",
        "Ana <ana@example.com>", "ana@example.com,eve@example.com", "ana@exa_mple.com", f"{'a' * 65}@example.com", f"ana@{'a' * 64}.com",
        f"ana@{'a.' * 124}com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: str) -> None:
    assert reason(written) == AN_ADDRESS


def reason(written: str) -> str:
    with pytest.raises(Invalid) as refused:
        EmailAddress.parse(written, "/body/email")
    (violation,) = refused.value.violations
    assert violation.pointer == "/body/email"
    return violation.message
