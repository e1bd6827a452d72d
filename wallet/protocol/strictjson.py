"""The one decoder for JSON that anyone else wrote: frames, RPC replies, files.

RFC 8259 leaves to each reader what two keys of one name, 1e400 or a million brackets mean, and two readers that answer
differently can be told different things by one message. Here each such text is refused. Source: design §8.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, NoReturn

from wallet.protocol.errors import WalletError

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
MAX_DIGITS = 78  # of 2^256

# A string may lack its end, so that no input is scanned twice.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))


def loads(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, fractions: bool = False) -> object:
    """The value of one JSON text: dict, list, str, int, bool or None.

    ``fractions``: a number with a fraction or exponent is not refused but stands as None, for who asks a method whose
    answer holds some beside what he wants.

    Raises WalletError JSON_SIZE, JSON_ENCODING (not UTF-8, or a byte order mark), JSON_DEPTH, JSON_NUMBER (fractions,
    exponents, NaN, infinities, −0, more than 78 digits), JSON_DUPLICATE_KEY, JSON_TEXT (a lone surrogate or NUL in a
    string), JSON_SYNTAX. Size, encoding and depth are checked before anything is parsed.
    """
    if len(data) > max_bytes:
        raise WalletError("JSON_SIZE", got=len(data), limit=max_bytes)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WalletError("JSON_ENCODING", position=error.start) from None
    if text.startswith("\ufeff"):
        raise WalletError("JSON_ENCODING", position=0)
    _check_depth(data, max_depth)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_nothing if fractions else _refuse_number,
            parse_constant=_refuse_number,
        )
    except json.JSONDecodeError as error:
        raise WalletError("JSON_SYNTAX", position=error.pos) from None
    if "\\u" in text:
        _check_text(value)
    return value


def _check_depth(data: bytes, limit: int) -> None:
    """Every frame passes here, so no Python runs per octet but for the brackets that stand outside of strings."""
    outside = _STRING.sub(b"", data) if b"\\" in data else b"".join(data.split(b'"')[::2])
    steps = map(_STEPS.__getitem__, outside.translate(None, _NO_BRACKETS))
    if max(accumulate(steps), default=0) > limit:
        raise WalletError("JSON_DEPTH", limit=limit)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WalletError("JSON_DUPLICATE_KEY")
    return found


def _integer(digits: str) -> int:
    if digits == "-0" or len(digits.lstrip("-")) > MAX_DIGITS:
        _refuse_number(digits)
    return int(digits)


def _refuse_number(text: str) -> NoReturn:
    raise WalletError("JSON_NUMBER", got=text[:40])


def _nothing(_: str) -> None:
    """In the place of a fraction that nobody reads."""


def _check_text(value: object) -> None:
    # Only an escape can bring these in: UTF-8 has no surrogates, and a bare NUL is no JSON.
    if isinstance(value, str):
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
            raise WalletError("JSON_TEXT")
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
