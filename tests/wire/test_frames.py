"""What one frame may be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain
from wallet.wire import frames
from wallet.wire.frames import Notice, RemoteError, Reply, Request, Violation

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
PLAIN_JSON = st.recursive(
    st.booleans() | st.integers(-(2**255), 2**255) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXT, PLAIN_JSON, max_size=4)
IDS = st.integers(0, 2**53 - 1)
METHODS = st.from_regex(r"[a-z]{1,20}", fullmatch=True)


@given(IDS, METHODS, OBJECTS)
def test_a_request_says_what_was_asked(number: int, method: str, params: dict[str, object]) -> None:
    raw = frames.request(number, method, params)
    parsed = frames.parse(raw, 7.0)
    assert isinstance(parsed, Request)
    assert (parsed.id, parsed.frame.method, parsed.frame.params) == (number, method, params)
    assert (parsed.frame.raw, parsed.frame.received) == (raw, 7.0)


@given(METHODS, OBJECTS)
def test_a_notification_is_a_request_without_an_id(method: str, params: dict[str, object]) -> None:
    parsed = frames.parse(frames.notice(method, params), 0.0)
    assert isinstance(parsed, Notice)
    assert (parsed.frame.method, parsed.frame.params) == (method, params)


@given(IDS, OBJECTS)
def test_a_result_says_what_was_answered(number: int, value: dict[str, object]) -> None:
    assert frames.parse(frames.result(number, value), 0.0) == Reply(number, value)


@given(st.text(max_size=400), st.integers(), st.binary(max_size=65))
def test_whatever_an_error_carries_arrives_plain_and_short(words: str, number: int, data: bytes) -> None:
    raw = frames.failure(3, WalletError("SOME-CODE", words=words, number=number, data=data))
    parsed = frames.parse(raw, 0.0)
    assert isinstance(parsed, Reply)
    assert isinstance(parsed.result, RemoteError)
    assert parsed.result.code == "SOME-CODE"
    assert parsed.result.number == -32000
    assert parsed.result.params["data"] == "0x" + data.hex()
    assert all(isinstance(text, str) and len(text) <= 200 for text in parsed.result.params.values())
    assert parsed.result.params["words"] == plain(words)


def test_an_error_carries_at_most_sixteen_parameters() -> None:
    parsed = frames.parse(frames.failure(1, WalletError("MANY", **{f"p{n}": n for n in range(50)})), 0.0)
    assert isinstance(parsed, Reply)
    assert isinstance(parsed.result, RemoteError)
    assert len(parsed.result.params) == 16


def test_a_remote_parameter_may_have_any_name() -> None:
    error = RemoteError("CODE", {"code": "x", "self": "y"})
    assert (error.code, error.params) == ("CODE", {"code": "x", "self": "y"})


def _error(**changes: object) -> str:
    error = {"code": -32000, "message": "M", "data": {"code": "M", "params": {}}, **changes}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "error": error})


MALFORMED = {
    "empty": "",
    "no json": "hello",
    "trailing": '{"jsonrpc":"2.0","id":1,"result":{}} {}',
    "batch": '[{"jsonrpc":"2.0","id":1,"method":"echo","params":{}}]',
    "empty batch": "[]",
    "string": '"x"',
    "null": "null",
    "duplicate key": '{"jsonrpc":"2.0","id":1,"result":{"a":1},"result":{"a":2}}',
    "duplicate inner key": '{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":1}}',
    "NaN": '{"jsonrpc":"2.0","id":1,"result":{"a":NaN}}',
    "infinity": '{"jsonrpc":"2.0","id":1,"result":{"a":-Infinity}}',
    "1e400": '{"jsonrpc":"2.0","id":1,"result":{"a":1e400}}',
    "float": '{"jsonrpc":"2.0","id":1,"result":{"a":1.0}}',
    "depth": '{"jsonrpc":"2.0","id":1,"result":{"a":' + "[" * 15 + "]" * 15 + "}}",
    "deep": "[" * 100_000,
    "size": '{"jsonrpc":"2.0","id":1,"result":{"a":"' + "x" * 2**20 + '"}}',
    "byte order mark": '\ufeff{"jsonrpc":"2.0","id":1,"result":{}}',
    "no jsonrpc": '{"id":1,"result":{}}',
    "other jsonrpc": '{"jsonrpc":"1.0","id":1,"result":{}}',
    "jsonrpc number": '{"jsonrpc":2,"id":1,"result":{}}',
    "id null": '{"jsonrpc":"2.0","id":null,"result":{}}',
    "id string": '{"jsonrpc":"2.0","id":"1","method":"echo","params":{}}',
    "id float": '{"jsonrpc":"2.0","id":1.0,"method":"echo","params":{}}',
    "id true": '{"jsonrpc":"2.0","id":true,"method":"echo","params":{}}',
    "id negative": '{"jsonrpc":"2.0","id":-1,"method":"echo","params":{}}',
    "id large": '{"jsonrpc":"2.0","id":9007199254740992,"method":"echo","params":{}}',
    "id minus zero": '{"jsonrpc":"2.0","id":-0,"method":"echo","params":{}}',
    "reply without id": '{"jsonrpc":"2.0","result":{}}',
    "neither result nor error": '{"jsonrpc":"2.0","id":1}',
    "result and error": json.dumps({**json.loads(_error()), "result": {}}),
    "method and result": '{"jsonrpc":"2.0","id":1,"method":"echo","params":{},"result":{}}',
    "unknown key": '{"jsonrpc":"2.0","id":1,"result":{},"more":1}',
    "key case": '{"jsonrpc":"2.0","ID":1,"id":1,"result":{}}',
    "result list": '{"jsonrpc":"2.0","id":1,"result":[]}',
    "result null": '{"jsonrpc":"2.0","id":1,"result":null}',
    "no params": '{"jsonrpc":"2.0","id":1,"method":"echo"}',
    "params list": '{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}',
    "method number": '{"jsonrpc":"2.0","id":1,"method":1,"params":{}}',
    "method empty": '{"jsonrpc":"2.0","id":1,"method":"","params":{}}',
    "method homoglyph": '{"jsonrpc":"2.0","id":1,"method":"\u0435cho","params":{}}',
    "method long": '{"jsonrpc":"2.0","id":1,"method":"' + "e" * 21 + '","params":{}}',
    "error text": '{"jsonrpc":"2.0","id":1,"error":"no"}',
    "error code positive": _error(code=1),
    "error code true": _error(code=True),
    "error code text": _error(code="-32000"),
    "error message number": _error(message=1),
    "error without data": '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"M"}}',
    "error data null": _error(data=None),
    "error data.code lower": _error(data={"code": "m", "params": {}}),
    "error data.code long": _error(data={"code": "M" * 41, "params": {}}),
    "error data.code markup": _error(data={"code": "<B>", "params": {}}),
    "error params number": _error(data={"code": "M", "params": {"a": 1}}),
    "error params many": _error(data={"code": "M", "params": {str(n): "" for n in range(17)}}),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_frame_is_a_violation(text: str) -> None:
    with pytest.raises(Violation) as caught:
        frames.parse(text.encode(), 0.0)
    assert caught.value.code == 1002
    assert len(caught.value.reason.encode()) <= 400


def test_the_well_formed_twins_of_the_malformed_are_frames() -> None:
    assert isinstance(frames.parse(_error().encode(), 0.0), Reply)
    assert isinstance(frames.parse(b' { "result" : {"a":[[1]]} , "id" : 1 , "jsonrpc" : "2.0" } ', 0.0), Reply)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_violation(raw: bytes) -> None:
    with pytest.raises(Violation):
        frames.parse(raw, 0.0)
