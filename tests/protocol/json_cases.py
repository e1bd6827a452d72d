"""Texts for the strict decoder in three groups, made by table: y_ must be read, n_ is no JSON, i_ the RFC leaves open.

Whoever reads an i_ text in his own way can be told another thing by it than his peer: each has one answer here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

SIZE, ENCODING, DEPTH, NUMBER = "JSON_SIZE", "JSON_ENCODING", "JSON_DEPTH", "JSON_NUMBER"
DUPLICATE, TEXT, SYNTAX = "JSON_DUPLICATE_KEY", "JSON_TEXT", "JSON_SYNTAX"

# --- y_: read, and what they say -----------------------------------------------------------------------------------

_WHOLE = ("0", "1", "-1", "7", "10", "123", "-123", "9007199254740991", "9007199254740992", "18446744073709551616")
_ESCAPES = {
    r"\"": '"',
    r"\\": "\\",
    r"\/": "/",
    r"\b": "\b",
    r"\f": "\f",
    r"\n": "\n",
    r"\r": "\r",
    r"\t": "\t",
    r"\u0041": "A",
    r"\u00e9": "é",
    r"\u20ac": "€",
    r"\u20AC": "€",
    r"\uFFFF": "\uffff",
    r"\u0001": "\x01",
    r"\u001f": "\x1f",
    r"\u007F": "\x7f",
    r"\u0022": '"',
    r"\u005c": "\\",
    r"\uD834\uDD1E": "\U0001d11e",
    r"\ud83d\ude00": "\U0001f600",
    r"\uDBFF\uDFFF": "\U0010ffff",
    r"\\u0000": "\\u0000",
    r"\\ud800": "\\ud800",
    r"\u0060\u012a": "`Ī",
}
_PLAIN = (
    "",
    " ",
    "a",
    "abc",
    "//",
    "/* no remark */",
    "#",
    "true",
    "1.0",
    "NaN",
    "[",
    "]",
    "{}",
    ",",
    ":",
    "'",
    "\x7f",
)
_LETTERS = (
    "é",
    "€",
    "𝄞",
    "\U0010ffff",
    "\uffff",
    "\ufdd0",
    "\u2028",
    "\u2029",
    "\u00a0",
    "\u200b",
    "\u202e",
    "ａ",
    "\ud7ff",
)
_BLANKS = (" ", "\t", "\n", "\r", " \t\r\n ", "\n\n\n")


def accepted() -> Iterator[tuple[str, bytes, Any]]:
    """(name, text, value)."""
    for text in _WHOLE:
        yield f"y_number_{text}", text.encode(), int(text)
        yield f"y_number_in_list_{text}", f"[{text}]".encode(), [int(text)]
    yield "y_number_2^256-1", str(2**256 - 1).encode(), 2**256 - 1
    yield "y_number_78_digits", b"9" * 78, 10**78 - 1
    yield "y_number_minus_78_digits", b"-" + b"9" * 78, 1 - 10**78
    for escape, value in _ESCAPES.items():
        yield f"y_escape_{escape}", f'"{escape}"'.encode(), value
        yield f"y_escape_as_key_{escape}", f'{{"{escape}":0}}'.encode(), {value: 0}
    for text in (*_PLAIN, *_LETTERS):
        yield f"y_string_{text!a}", f'["{text}"]'.encode("utf-8", "surrogatepass"), [text]
    for blank in _BLANKS:
        yield (
            f"y_blank_{blank!a}",
            f'{blank}[{blank}1{blank},{blank}{{"a"{blank}:{blank}2{blank}}}{blank}]{blank}'.encode(),
            [
                1,
                {"a": 2},
            ],
        )
    for text, value in (("true", True), ("false", False), ("null", None), ("[]", []), ("{}", {}), ('""', "")):
        yield f"y_alone_{text}", text.encode(), value
        yield f"y_in_list_{text}", f"[{text}]".encode(), [value]
        yield f"y_in_object_{text}", f'{{"a":{text}}}'.encode(), {"a": value}
    yield "y_empty_key", b'{"":0}', {"": 0}
    yield "y_keys_that_look_alike", '{"a":1,"A":2,"а":3,"a ":4}'.encode(), {"a": 1, "A": 2, "а": 3, "a ": 4}
    yield "y_composed_and_not", '{"é":1,"e\u0301":2}'.encode(), {"é": 1, "e\u0301": 2}
    yield "y_same_key_in_two_objects", b'[{"a":1},{"a":1}]', [{"a": 1}, {"a": 1}]
    yield "y_same_key_in_and_out", b'{"a":{"a":1}}', {"a": {"a": 1}}
    yield "y_long_string", b'"' + b"x" * 10_000 + b'"', "x" * 10_000
    yield "y_many_items", b"[" + b",".join([b"0"] * 5_000) + b"]", [0] * 5_000
    yield "y_depth_16_lists", b"[" * 16 + b"]" * 16, json.loads("[" * 16 + "]" * 16)
    yield "y_depth_16_objects", b'{"a":' * 15 + b"{}" + b"}" * 15, json.loads('{"a":' * 15 + "{}" + "}" * 15)
    yield "y_brackets_in_a_string", b'["' + b"[{" * 1_000 + b'"]', ["[{" * 1_000]
    yield "y_brackets_after_an_escaped_quote", b'["\\"' + b"[" * 50 + b'"]', ['"' + "[" * 50]


# --- n_: no JSON, and the code of each ------------------------------------------------------------------------------

_NO_NUMBER = (
    *(
        "01",
        "-01",
        "00",
        "+1",
        "+0",
        "--1",
        "-",
        "+",
        "1-",
        "1+1",
        "0x1",
        "0X1F",
        "0b1",
        "0o7",
        "1_000",
        "1,000",
        "1 000",
    ),
    *("٣", "１", "²", "½", "∞", ".5", "-.5", "1a", "1d", "1L", "1n", "nan", "inf", "infinity", "INF", "NAN", "-NaN"),
    *("1e", "0e", "1e+", "1E-", "1.e", "1.", "0.", "-1.", "1.a", "1..2", "2.e3"),
)
_NO_WORD = (
    "True",
    "False",
    "None",
    "TRUE",
    "nul",
    "nulll",
    "tru",
    "truee",
    "fals",
    "undefined",
    "NULL",
    "yes",
    "ｎull",
    "nan",
)
_NO_STRING = (
    *(
        "'a'",
        "`a`",
        "“a”",
        "a",
        '"',
        '"a',
        'a"',
        '"\\"',
        '"\\',
        '"\\x41"',
        '"\\a"',
        '"\\ "',
        '"\\\n"',
        '"\\u"',
        '"\\u1"',
    ),
    *('"\\u12"', '"\\u123"', '"\\u12G4"', '"\\U0041"', '"\\u 041"', '"\\u+041"', '"\\0"', '"\\v"', '"\\\'"', '"\\é"'),
    *('"\t"', '"\n"', '"\r"', '"\x00"', '"\x01"', '"\x1f"', '"a" "b"', '"a"b', '""""', '"\\u００４１"', '"\\ud834\\u"'),
)
_NO_LIST = (
    *(
        "[",
        "]",
        "[[]",
        "[]]",
        "[1",
        "[1,",
        "[,",
        "[,1]",
        "[1,]",
        "[1,,2]",
        "[1 2]",
        "[1;2]",
        "[1:2]",
        "(1)",
        "[1)",
        "<1>",
    ),
    *(
        '["a"',
        '["a",',
        "[1]2",
        "[][]",
        "[1],",
        ",[1]",
        "[*]",
        "[\f1]",
        "[\v1]",
        "[\u00a01]",
        "[\u20601]",
        "[1//\n]",
        "[1/**/]",
    ),
    *("[#\n1]", "[\x00]", "[1\x00]", "[1]\x00", "\x00", "[", "[1,\n1\n,1", "[${1}]", "[...]"),
)
_NO_OBJECT = (
    *(
        "{",
        "}",
        "{{}",
        "{}}",
        "{a:1}",
        "{'a':1}",
        '{"a"}',
        '{"a":}',
        '{"a":1',
        '{"a":1,',
        '{"a":1,}',
        '{"a" 1}',
        '{"a"=1}',
    ),
    *(
        '{"a"::1}',
        '{"a":1 "b":2}',
        '{"a":1;"b":2}',
        '{,"a":1}',
        '{"a":1,,"b":2}',
        "{1:1}",
        "{true:1}",
        "{null:1}",
        "{[]:1}",
    ),
    *(
        "{{}:1}",
        '{"a":1}#',
        '{"a":1}//',
        '{"a":1}}',
        '{"a":1]',
        '["a":1]',
        "{[1]}",
        '{"a":"b}',
        '{"a',
        '{"a"',
        '{"a":',
        "{:1}",
    ),
    *('{"a":1}{"b":2}', '{"a":1}\n{"b":2}', '{"a":b}', '{"a":+1}', '{"a":01}', '{"a":\x0b1}'),
)
_NOTHING = (
    "",
    " ",
    "\n",
    "\t \r\n",
    "//",
    "/**/",
    "<!-- -->",
    "<a/>",
    "a=1",
    "---",
    "\u2028",
    "\u200b1",
    "\x1e1",
    "\\u0031",
)


def refused() -> Iterator[tuple[str, bytes, str]]:
    """(name, text, code)."""
    groups = {
        "number": _NO_NUMBER,
        "word": _NO_WORD,
        "string": _NO_STRING,
        "list": _NO_LIST,
        "object": _NO_OBJECT,
        "nothing": _NOTHING,
    }
    for group, texts in groups.items():
        for text in dict.fromkeys(texts):
            yield f"n_{group}_{text!a}", text.encode(), _code(text)
    yield "n_open_lists_100000", b"[" * 100_000, DEPTH
    yield "n_open_objects_100000", b'{"a":' * 100_000, DEPTH
    yield "n_closed_100000", b"]" * 100_000, SYNTAX
    yield "n_quotes_1000", b'"' * 1_000, SYNTAX


def _code(text: str) -> str:
    """What begins as -0 is told as that: the decoder goes no further."""
    return NUMBER if text == "-01" else SYNTAX


# --- i_: left open by the RFC; here each has one answer -------------------------------------------------------------

_FRACTIONS = ("0.0", "-0.0", "1.0", "1.5", "-1.5", "5.0", "123.456", "0.1", "9007199254740993.0", "1.00", "0.000001")
_EXPONENTS = (
    "5e0",
    "1E1",
    "1e1",
    "1e+1",
    "1E-1",
    "0e0",
    "0E+1",
    "-1e2",
    "1e400",
    "-1e400",
    "1e-400",
    "123e65",
    "1.5e3",
    "1e9999",
)
_SPECIAL = ("NaN", "Infinity", "-Infinity")
_SURROGATES = (
    *("\\ud800", "\\uDFFF", "\\udc00", "\\ud800a", "\\ud800\\n", "\\ud800\\ud800", "\\ud800\\u0041", "\\udc00\\ud800"),
    *("\\uD888\\u1234", "\\u0000", "a\\u0000b", "\\uDd1ea", "\\ud834\\ud834\\udd1e"),
)
_OCTETS = {
    "overlong slash": b"\xc0\xaf",
    "overlong slash of three": b"\xe0\x80\xaf",
    "overlong slash of four": b"\xf0\x80\x80\xaf",
    "overlong nul": b"\xc0\x80",
    "surrogate": b"\xed\xa0\x80",
    "pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "low surrogate": b"\xed\xbf\xbf",
    "above the last": b"\xf4\x90\x80\x80",
    "of five": b"\xf8\x88\x80\x80\x80",
    "of six": b"\xfc\x84\x80\x80\x80\x80",
    "lone continuation": b"\x80",
    "lone last": b"\xbf",
    "cut of two": b"\xc3",
    "cut of three": b"\xe2\x82",
    "cut of four": b"\xf0\x9f\x98",
    "latin": b"\xe9",
    "fe": b"\xfe",
    "ff": b"\xff",
    "start twice": b"\xc3\xc3\xa9",
}


def open_cases() -> Iterator[tuple[str, bytes, str]]:
    """(name, text, code): nothing of it is taken."""
    for text in (*_FRACTIONS, *_EXPONENTS, *_SPECIAL, "-0"):
        yield f"i_number_{text}", text.encode(), NUMBER
        yield f"i_number_in_object_{text}", f'{{"a":[{text}]}}'.encode(), NUMBER
    for digits in (79, 100, 309, 4_300, 4_301, 100_000):
        yield f"i_number_{digits}_digits", b"1" * digits, NUMBER
        yield f"i_number_minus_{digits}_digits", b"[-" + b"1" * digits + b"]", NUMBER
    yield "i_number_2^256_with_a_fraction", f"{2**256}.0".encode(), NUMBER
    for text in _SURROGATES:
        yield f"i_string_{text}", f'["{text}"]'.encode(), TEXT
        yield f"i_key_{text}", f'{{"{text}":1}}'.encode(), TEXT
    for name, octets in _OCTETS.items():
        yield f"i_octets_{name}", b'["' + octets + b'"]', ENCODING
        yield f"i_octets_outside_{name}", b"[1]" + octets, ENCODING
    for text in ('{"a":1}', "[1]", '"a"'):
        yield f"i_bom_{text}", b"\xef\xbb\xbf" + text.encode(), ENCODING
        yield f"i_utf16_bom_{text}", text.encode("utf-16"), ENCODING
        yield f"i_utf16le_{text}", text.encode("utf-16-le"), SYNTAX
        yield f"i_utf16be_{text}", text.encode("utf-16-be"), SYNTAX
        yield f"i_utf32_bom_{text}", text.encode("utf-32"), ENCODING
        yield f"i_utf32le_{text}", text.encode("utf-32-le"), SYNTAX
        yield f"i_utf32be_{text}", text.encode("utf-32-be"), SYNTAX
    yield "i_bom_inside", b"[\xef\xbb\xbf1]", SYNTAX
    for inner in (
        '"a":1,"a":1',
        '"a":1,"a":2',
        '"a":1,"\\u0061":1',
        '"":1,"":1',
        '"a":1,"b":2,"a":3',
        '"é":1,"\\u00e9":1',
    ):
        yield f"i_keys_{inner}", f"{{{inner}}}".encode(), DUPLICATE
        yield f"i_keys_inside_{inner}", f'[{{"x":{{{inner}}}}}]'.encode(), DUPLICATE
    for depth in (17, 18, 100, 1_000, 50_000):
        yield f"i_depth_{depth}_lists", b"[" * depth + b"]" * depth, DEPTH
        yield f"i_depth_{depth}_objects", b'{"a":' * depth + b"0" + b"}" * depth, DEPTH
    yield "i_size_2^20_and_one", b" " * ((1 << 20) + 1), SIZE
    yield "i_size_of_a_string", b'"' + b"a" * (1 << 20) + b'"', SIZE
