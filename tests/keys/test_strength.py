"""What is said of a new password: how easily it is guessed, and why; nothing of it is in what is said."""

from __future__ import annotations

import pytest

from wallet.app.messages import known
from wallet.keys import strength
from wallet.keys.secret import Secret
from wallet.keys.strength import Strength, judge


@pytest.mark.parametrize(
    ("password", "found"),
    [
        ("", Strength(0, "PASSWORD-SHORT")),
        ("xk3", Strength(0, "PASSWORD-SHORT")),
        ("password", Strength(0, "PASSWORD-COMMON")),
        ("Passw0rd1", Strength(1, "PASSWORD-COMMON")),
        ("jennifer1987", Strength(1, "PASSWORD-WORD")),
        ("long enough", Strength(2, "PASSWORD-WORD")),
        ("abcdefgh", Strength(0, "PASSWORD-SEQUENCE")),
        ("aaaaaaaaaaaa", Strength(0, "PASSWORD-REPEATS")),
        ("password" * 100, Strength(2, "PASSWORD-REPEATS")),
        ("19870413", Strength(1, "PASSWORD-DATE")),
        ("poiuytrew", Strength(1, "PASSWORD-KEYS")),
        ("correct horse battery staple", Strength(4, "")),
        ("dkfj 3Hsl_2kdA", Strength(4, "")),
    ],
)
def test_what_is_said(password: str, found: Strength) -> None:
    assert judge(Secret(password)) == found
    assert found.good == (found.score >= 3)


@pytest.mark.parametrize("password", ["x" * 100_000, "\udc80" * 9, "\0", "ﬁ" * 1000, "👩‍👩‍👧‍👦" * 30, " " * 30])
def test_any_text_is_judged(password: str) -> None:
    assert judge(Secret(password)).score in range(5)


def test_every_reason_has_its_sentence() -> None:
    codes = {*strength._BY_PATTERN.values(), "PASSWORD-COMMON", "PASSWORD-WORD"}
    assert all(known(code) for code in codes)
