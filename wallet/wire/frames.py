"""JSON-RPC 2.0 frames, to and from bytes: what one frame may be, and nothing else.

A frame that is none of request, notification and reply is a :class:`Violation`: its sender speaks another
protocol, and the connection ends. Source: JSON-RPC 2.0, design §8, research/security §3.10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from wallet.protocol import strictjson
from wallet.protocol.amounts import MAX_INCREMENT
from wallet.protocol.codec import Json, read_int, read_object, read_text
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain

MAX_FRAME = 2**20  # bytes
MAX_DEPTH = 16  # a state's order rows in a page of states stand on level 8

OWN_ERROR = -32000
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

PROTOCOL_ERROR = 1002  # WebSocket close codes
UNSUPPORTED_DATA = 1003
POLICY = 1008

_CODE = re.compile(r"[A-Z][A-Z0-9_-]{0,39}", re.ASCII)
_METHOD = re.compile(r"[a-z]{1,20}", re.ASCII)
_MAX_PARAMS = 16


class Violation(Exception):
    """The peer broke the protocol: the connection is closed with ``code`` (WebSocket) and ``reason``."""

    def __init__(self, reason: str, code: int = PROTOCOL_ERROR) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class RemoteError(WalletError):
    """The peer answered: no. Code and parameters are his words, checked for form and made plain, not ours.

    ``number`` is the JSON-RPC error code. Who makes a sentence of it says whose voice it is.
    """

    def __init__(self, code: str, params: Mapping[str, str], number: int = OWN_ERROR) -> None:
        super().__init__(code)
        self.params = dict(params)  # not as keywords: the peer chose the keys
        self.number = number


class Frame(NamedTuple):
    """A request or notification as it arrived: the bytes are evidence, the time decides what is stale.

    ``received`` is time.monotonic() when the whole message was there. ``message`` is what a reader that needs no
    ``params`` made of the bytes (they are empty then).
    """

    method: str
    params: dict[str, Json]
    raw: bytes
    received: float
    message: object = None


class Request(NamedTuple):
    id: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class Notice:
    frame: Frame


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: either a result or an error."""

    id: int
    result: dict[str, Json] | RemoteError


def dumps(value: Json) -> bytes:
    """Compact JSON of plain values (dict, list, str, int, bool, None); TypeError for anything else."""
    return msgspec.json.encode(value)


def parse(raw: bytes, received: float) -> Request | Notice | Reply:
    """What one frame says; :class:`Violation` if it is no frame of ours."""
    try:
        value = strictjson.loads(raw, max_bytes=MAX_FRAME, max_depth=MAX_DEPTH)
        return _read_frame(value, raw, received)
    except WalletError as error:
        raise Violation(plain(str(error), 100)) from error


def request(number: int, method: str, params: dict[str, Json]) -> bytes:
    return dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def notice(method: str, params: dict[str, Json]) -> bytes:
    return dumps({"jsonrpc": "2.0", "method": method, "params": params})


def result(number: int, value: dict[str, Json]) -> bytes:
    return dumps({"jsonrpc": "2.0", "id": number, "result": value})


def failure(number: int, error: WalletError, kind: int = OWN_ERROR) -> bytes:
    """An error reply: the stable code and at most 16 plain, short parameters."""
    params = {plain(key, 40): plain(_text(value)) for key, value in list(error.params.items())[:_MAX_PARAMS]}
    body = {"code": kind, "message": error.code, "data": {"code": error.code, "params": params}}
    return dumps({"jsonrpc": "2.0", "id": number, "error": body})


def _text(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _read_frame(value: Json, raw: bytes, received: float) -> Request | Notice | Reply:
    if type(value) is not dict:
        raise Violation("a frame is one object: no batches")
    if value.get("jsonrpc") != "2.0":
        raise Violation("jsonrpc is not 2.0")
    if "method" in value:
        row = read_object(value, "frame", ("jsonrpc", "method", "params"), ("id",))
        frame = Frame(_method(row["method"]), _object(row["params"]), raw, received)
        return Request(_id(row["id"]), frame) if "id" in row else Notice(frame)
    if "error" in value:
        row = read_object(value, "frame", ("jsonrpc", "id", "error"))
        return Reply(_id(row["id"]), _read_error(row["error"]))
    row = read_object(value, "frame", ("jsonrpc", "id", "result"))
    return Reply(_id(row["id"]), _object(row["result"]))


def _id(value: Json) -> int:
    return read_int(value, "id", MAX_INCREMENT)


def _method(value: Json) -> str:
    if type(value) is not str or not _METHOD.fullmatch(value):
        raise Violation("method is no name")
    return value


def _object(value: Json) -> dict[str, Json]:
    if type(value) is not dict:
        raise Violation("params and result are objects")
    return value


def _read_error(value: Json) -> RemoteError:
    row = read_object(value, "error", ("code", "message", "data"))
    number = row["code"]
    if type(number) is not int or not -32_768 <= number <= -32_000:
        raise Violation("error code out of range")
    read_text(row["message"], "message", MAX_FRAME)  # its words are the catalogue's, never the peer's
    data = read_object(row["data"], "data", ("code", "params"))
    if type(data["code"]) is not str or not _CODE.fullmatch(data["code"]):
        raise Violation("data.code is no code")
    params = _object(data["params"])
    if len(params) > _MAX_PARAMS or any(type(cell) is not str for cell in params.values()):
        raise Violation("data.params are not a few strings")
    return RemoteError(data["code"], {plain(key, 40): plain(cell) for key, cell in params.items()}, number)
