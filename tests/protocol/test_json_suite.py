"""One answer to every JSON text there is a quarrel about, and none of them slow."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest

from tests.protocol import json_cases
from wallet.protocol.errors import WalletError
from wallet.protocol.strictjson import MAX_BYTES, loads

ACCEPTED = {name: (text, value) for name, text, value in json_cases.accepted()}
REFUSED = {name: (text, code) for name, text, code in (*json_cases.refused(), *json_cases.open_cases())}


def test_the_groups_are_what_they_say() -> None:
    groups = [name[:2] for name in (*ACCEPTED, *REFUSED)]
    assert {group: groups.count(group) for group in sorted(set(groups))} == {"i_": 181, "n_": 190, "y_": 136}


@pytest.mark.parametrize("name", ACCEPTED)
def test_read(name: str) -> None:
    text, value = ACCEPTED[name]
    got = loads(text)
    assert got == value
    assert json.dumps(got) == json.dumps(json.loads(text))  # 1, true and 1.0 are equal, and not the same


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    text, code = REFUSED[name]
    with pytest.raises(WalletError) as caught:
        loads(text)
    assert caught.value.code == code
    assert len(str(caught.value)) < 200


def seconds(text: bytes, tries: int = 3) -> float:
    """The quickest of some runs, whatever the answer."""
    best = float("inf")
    for _ in range(tries):
        start = time.perf_counter()
        with contextlib.suppress(WalletError):
            loads(text)
        best = min(best, time.perf_counter() - start)
    return best


HOSTILE: dict[str, bytes] = {
    "open lists": b"[" * MAX_BYTES,
    "open objects": b'{"a":' * (MAX_BYTES // 5),
    "closing": b"]" * MAX_BYTES,
    "quotes": b'"' * MAX_BYTES,
    "escaped quotes": b'"' + b'\\"' * (MAX_BYTES // 2 - 1),
    "backslashes": b'"' + b"\\" * (MAX_BYTES - 1),
    "digits": b"1" * MAX_BYTES,
    "minus": b"-" * MAX_BYTES,
    "one long fraction": b"0." + b"1" * (MAX_BYTES - 2),
    "exponent": b"1e" + b"9" * (MAX_BYTES - 2),
    "numbers of 78 digits": b"[" + b",".join([b"9" * 78] * (MAX_BYTES // 80)) + b"]",
    "empty lists": b"[" + b",".join([b"[]"] * (MAX_BYTES // 4)) + b"]",
    "empty objects": b"[" + b",".join([b"{}"] * (MAX_BYTES // 4)) + b"]",
    "keys": b"{" + b",".join(b'"%x":0' % n for n in range(MAX_BYTES // 12)) + b"}",
    "one key again and again": b"{" + b",".join([b'"a":0'] * (MAX_BYTES // 8)) + b"}",
    "escapes": b'"' + b"\\u0041" * (MAX_BYTES // 6 - 1) + b'"',
    "a surrogate at the end": b'["' + b"a" * (MAX_BYTES - 12) + b'\\ud800"]',
    "four octets a letter": b'"' + "\U0001f600".encode() * (MAX_BYTES // 4 - 1) + b'"',
    "no UTF-8 at the end": b" " * (MAX_BYTES - 1) + b"\xff",
    "blanks": b" " * MAX_BYTES,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_costs_much_more_than_a_plain_one_of_its_length(name: str) -> None:
    """Against a list of short strings. Who looks at all of it again per bracket needs 10^5 times that."""
    text: bytes = HOSTILE[name]
    plain = b"[" + b",".join([b'"0x0123456789abcdef"'] * (MAX_BYTES // 21)) + b"]"
    assert len(text) <= MAX_BYTES
    assert seconds(text) < 150 * max(seconds(plain), 0.002), name


def test_nothing_but_text_is_read() -> None:
    bad: list[Any] = [None, 1, [b"1"], {"a": 1}]
    for value in bad:
        with pytest.raises((TypeError, AttributeError)):
            loads(value)
