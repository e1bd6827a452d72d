"""What a scanner reads from paper: joined in any order, refused for anything else."""

from __future__ import annotations

import base64
import random
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.protocol import scan
from wallet.protocol.errors import WalletError

LONG = random.Random(5).randbytes(3000)
QR_ALPHANUMERIC = re.compile(r"[0-9A-Z $%*+\-./:]+")


@given(st.binary(max_size=4000), st.randoms())
def test_every_value_comes_back_in_whatever_order_it_is_scanned(value: bytes, chance: random.Random) -> None:
    texts = scan.codes(value)
    assert all(QR_ALPHANUMERIC.fullmatch(text) for text in texts)
    chance.shuffle(texts)
    assert scan.join("\r\n".join(texts)) == value


def test_what_is_too_long_for_a_page_has_no_codes() -> None:
    assert len(scan.codes(random.Random(1).randbytes(scan.CAPACITY * scan.MOST - 100))) == scan.MOST
    assert scan.codes(random.Random(1).randbytes(scan.CAPACITY * scan.MOST + 100)) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda texts: texts[:-1], "SCAN_MISSING"),
        (lambda texts: [], "SCAN_MIXED"),
        (lambda texts: [*texts, scan.codes(b"other")[0]], "SCAN_MIXED"),
        (lambda texts: [*texts, texts[0][:-8] + "AAAAAAAA"], "SCAN_MIXED"),
        (lambda texts: [*texts, texts[0]], ""),  # twice the same is no harm
        (lambda texts: [texts[0].lower(), *texts[1:]], "SCAN_FORM"),
        (lambda texts: [texts[0] + "=", *texts[1:]], "SCAN_FORM"),
        (lambda texts: [texts[0][:-8] + "AAAAAAAA", *texts[1:]], "SCAN_FORM"),
        (lambda texts: ["TC1/" + "0" * 16 + text[20:] for text in texts], "SCAN_FORM"),
        (lambda texts: ["<b>TC1/"], "SCAN_FORM"),
        (lambda texts: ["TC1/" + "0" * 16 + "/1/99/AAAA"], "SCAN_MISSING"),
        (lambda texts: ["TC1/" + "0" * 16 + "/0/0/AAAA"], "SCAN_MISSING"),
        (lambda texts: ["TC1/" + "0" * 16 + "/1/1/A"], "SCAN_FORM"),
        (lambda texts: ["TC1/" + "0" * 16 + "/1/1/AAAA"], "SCAN_FORM"),
    ],
)
def test_anything_else_is_refused(change: object, code: str) -> None:
    texts = change(scan.codes(LONG))  # type: ignore[operator]
    if not code:
        assert scan.join("\n".join(texts)) == LONG
        return
    with pytest.raises(WalletError, match=code):
        scan.join("\n".join(texts))


def test_a_bomb_is_not_blown_up() -> None:
    """A few hundred bytes that would be many megabytes are let go of at the limit."""
    packed = zlib.compress(bytes(50_000_000), 9)[: scan.CAPACITY * scan.MOST]
    parts = [packed[at : at + scan.CAPACITY] for at in range(0, len(packed), scan.CAPACITY)]
    texts = [
        f"TC1/{'0' * 16}/{index}/{len(parts)}/{base64.b32encode(part).decode().rstrip('=')}"
        for index, part in enumerate(parts, 1)
    ]
    with pytest.raises(WalletError, match="SCAN_FORM"):
        scan.join("\n".join(texts))
