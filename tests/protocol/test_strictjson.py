"""What the strict decoder refuses that others let pass, and that it loses nothing of what is fine."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.protocol.errors import WalletError
from wallet.protocol.strictjson import loads

REFUSED = [
    ("JSON_SYNTAX", b""),
    ("JSON_SYNTAX", b" "),
    ("JSON_SYNTAX", b"{"),
    ("JSON_SYNTAX", b"]"),
    ("JSON_SYNTAX", b"[1,]"),
    ("JSON_SYNTAX", b"{'a':1}"),
    ("JSON_SYNTAX", b"1 2"),
    ("JSON_SYNTAX", b"[1]x"),
    ("JSON_SYNTAX", b"[01]"),
    ("JSON_SYNTAX", b"[+1]"),
    ("JSON_SYNTAX", b"[1_0]"),
    ("JSON_SYNTAX", b'"\x00"'),
    ("JSON_SYNTAX", b'"\n"'),
    ("JSON_SYNTAX", b'"\\x41"'),
    ("JSON_SYNTAX", b'"open'),
    ("JSON_SYNTAX", b'"\\'),
    ("JSON_SYNTAX", b"\x0c1"),
    ("JSON_SYNTAX", "\u00a01".encode()),
    ("JSON_SYNTAX", "[\u0661]".encode()),
    ("JSON_SYNTAX", b"[1 // one\n]"),
    ("JSON_SYNTAX", b"True"),
    ("JSON_NUMBER", b"1.0"),
    ("JSON_NUMBER", b"[1e3]"),
    ("JSON_NUMBER", b"1E400"),
    ("JSON_NUMBER", b"-0"),
    ("JSON_NUMBER", b"-0.0"),
    ("JSON_NUMBER", b"NaN"),
    ("JSON_NUMBER", b"[Infinity]"),
    ("JSON_NUMBER", b"-Infinity"),
    ("JSON_NUMBER", b"1" * 79),
    ("JSON_NUMBER", b"-" + b"1" * 79),
    ("JSON_NUMBER", b"1" * 100_000),
    ("JSON_DUPLICATE_KEY", b'{"result":1,"result":2}'),
    ("JSON_DUPLICATE_KEY", b'[{"a":{"b":1,"\\u0062":1}}]'),
    ("JSON_ENCODING", b"\xef\xbb\xbf1"),
    ("JSON_ENCODING", b'"\xff"'),
    ("JSON_ENCODING", b'"\xc0\xaf"'),  # overlong
    ("JSON_ENCODING", b'"\xed\xa0\x80"'),  # a surrogate in UTF-8
    ("JSON_ENCODING", '"a"'.encode("utf-16")),
    ("JSON_SYNTAX", '"a"'.encode("utf-16-le")),
    ("JSON_TEXT", b'"\\ud800"'),
    ("JSON_TEXT", b'{"\\udfff":1}'),
    ("JSON_TEXT", b'["\\u0000"]'),
    ("JSON_DEPTH", b"[" * 17 + b"]" * 17),
    ("JSON_DEPTH", b'{"a":' * 17 + b"1" + b"}" * 17),
    ("JSON_DEPTH", b"[" * 100_000),
    ("JSON_SIZE", b'"' + b"a" * (1 << 20) + b'"'),
]


@pytest.mark.parametrize(("code", "data"), REFUSED, ids=lambda value: repr(value)[:30])
def test_refuses(code: str, data: bytes) -> None:
    with pytest.raises(WalletError) as caught:
        loads(data)
    assert caught.value.code == code


ACCEPTED = [
    (b"0", 0),
    (b" [1, -1]\r\n\t", [1, -1]),
    (str(2**256 - 1).encode(), 2**256 - 1),
    (b'{"a":{"a":null},"b":[true,false]}', {"a": {"a": None}, "b": [True, False]}),
    (b'"\\ud83d\\ude00"', "\U0001f600"),
    (b'"[[[[[[[[[[[[[[[[[[[[\\"[[[["', '[[[[[[[[[[[[[[[[[[[["[[[['),
    (b'["1.0","NaN"]', ["1.0", "NaN"]),
    (b"[" * 16 + b"]" * 16, json.loads("[" * 16 + "]" * 16)),
    (b'[{"a":1},{"a":1}]', [{"a": 1}, {"a": 1}]),
]


@pytest.mark.parametrize(("data", "value"), ACCEPTED, ids=lambda value: repr(value)[:30])
def test_accepts(data: bytes, value: object) -> None:
    assert loads(data) == value


def test_bounds_are_the_callers() -> None:
    assert loads(b"[[1]]", max_bytes=5, max_depth=2) == [[1]]
    with pytest.raises(WalletError, match="JSON_SIZE"):
        loads(b"[[1]]", max_bytes=4)
    with pytest.raises(WalletError, match="JSON_DEPTH"):
        loads(b"[[1]]", max_depth=1)


@pytest.mark.parametrize("data", [b"[" * (1 << 20), b'"' + b'\\"' * (1 << 19), b'"' * (1 << 20), b"{" * (1 << 20)])
def test_a_hostile_text_costs_no_more_than_its_length(data: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(WalletError):
        loads(data)
    assert time.perf_counter() - start < 2


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**78) + 1, 10**78 - 1)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner)
    ),
    max_leaves=20,
)


@given(values, st.booleans())
def test_gives_back_what_was_written(value: object, ascii_only: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode(), max_depth=1000) == value


@given(st.binary(max_size=200) | st.text(st.sampled_from('{}[]",:\\u0dtrue1-.eN \n')).map(str.encode))
def test_anything_else_is_refused_in_one_way(data: bytes) -> None:
    code = _code(data)
    assert code.startswith("JSON_") or json.loads(data) == loads(data)


def _code(data: bytes) -> str:
    try:
        loads(data)
    except WalletError as error:
        return error.code
    return ""
