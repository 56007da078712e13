"""A subject arrives as it was written, however long it is and whatever it consists of; each line of the header keeps to RFC 5322."""

import email
import random
from datetime import UTC, datetime
from email.policy import default
from typing import Final

import pytest

from api_base.core.protocols import Mail
from api_base.infrastructure.mail.smtp import message_of

ALPHABETS: Final = (
    "abcdefghijklmnopqrstuvwxyz ABC",
    "äöüßéèñ çğ",
    "日本語 漢字カナ",
    "'\".,;:-()=?_ ",
    "😀👩\u200d👩\u200d👧 ",
    "  -- ",
    "𝔘𝔫𝔦",
    "=?utf-8?q?a?= ",
)


def subject_line(subject: str) -> tuple[str, list[bytes]]:
    """The subject that a reader decodes, and the lines of the header."""
    mail = Mail(key="k", to="a@example.com", language="en", subject=subject, text="t", html="<p>t</p>")
    message = bytes(message_of(mail, "Shop <a@example.com>", datetime(2026, 1, 1, tzinfo=UTC)))
    return str(email.message_from_bytes(message, policy=default)["Subject"]), message.partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_a_thousand_subjects_survive() -> None:
    made = random.Random(12_000)
    for _ in range(1_000):
        letters = "".join(made.sample(ALPHABETS, made.randint(1, 3)))
        subject = "".join(made.choices(letters, k=made.randint(1, 200)))
        read, lines = subject_line(subject)
        assert read == subject
        assert max(map(len, lines)) <= 78


@pytest.mark.parametrize("subject", ["=?utf-8?q?Bcc?=", " a", "a ", "a  b", "x" * 300, "é" * 300, "a " * 60])
def test_a_subject_that_looks_like_something_else_survives(subject: str) -> None:
    assert subject_line(subject)[0] == subject


def test_an_ordinary_subject_stays_readable_in_the_source_of_the_mail() -> None:
    assert b"Subject: Reset your password (Shop)" in subject_line("Reset your password (Shop)")[1]
