"""Text from outside, made safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.protocol.plain import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ETH/USDT", "ETH/USDT"),
        ("", ""),
        ("Zürich 東京 ≥ 5 €", "Zürich 東京 ≥ 5 €"),
        ("<b>bold</b>", "<b>bold</b>"),  # markup is for the widget to ignore
        ("one\ntwo\ttab\r", "one\\x0atwo\\x09tab\\x0d"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("pay \u202egnp.exe", "pay \\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\u2028", "\\u2028"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\ue000", "\\ue000"),
        ("\x85", "\\x85"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert plain("x" * 200) == "x" * 200
    assert plain("x" * 201) == "x" * 199 + "…"
    assert plain("\u202e" * 10_000, 12) == "\\u202e\\u202"[:11] + "…"
    assert len(plain("y" * 10**6)) == 200


@given(st.text(max_size=60), st.integers(1, 50))
def test_never_longer_never_invisible_and_the_same_when_said_twice(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in shown)
    assert plain(shown, limit) == shown
    shown.encode()
