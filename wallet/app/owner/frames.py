"""Frames between the owner and his guests: four bytes of length, big-endian, and one JSON text, strictly decoded.

The text is that of snapshots and commands: dataclasses as objects, bytes as base64, enums as their values, whole
numbers only. Whoever sends more than is allowed, or anything else, is hung up on.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path
from typing import Any

import msgspec

from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError

MAX_HELLO = 4 * 1024
MAX_REQUEST = 64 * 1024
MAX_ANSWER = 8 * 1024 * 1024  # the whole account with every channel's orders and fills
_LENGTH = struct.Struct(">I")


def encode(value: Any) -> bytes:
    """The frame of a value."""
    body = msgspec.json.encode(value, enc_hook=_plain)
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes, limit: int) -> dict[str, Any]:
    """The object of a frame's text; WalletError("JSON_…" | "OWNER_FRAME") for anything else."""
    value = strictjson.loads(body, max_bytes=limit)
    if not isinstance(value, dict):
        raise WalletError("OWNER_FRAME", what="no object")
    return value


def read(value: Any, kind: Any) -> Any:
    """A value of type ``kind`` from its JSON form; WalletError("OWNER_FRAME", what)."""
    try:
        return msgspec.convert(value, kind, dec_hook=_from_plain)
    except (msgspec.ValidationError, ValueError) as error:
        raise WalletError("OWNER_FRAME", what=str(error)[:120]) from error


async def receive(reader: asyncio.StreamReader, limit: int) -> dict[str, Any] | None:
    """The next frame; None at the end. WalletError for one that is too large or not strict JSON."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > limit:
            raise WalletError("JSON_SIZE", got=length, limit=limit)
        return decode(await reader.readexactly(length), limit)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def receive_now(line: socket.socket, limit: int) -> dict[str, Any]:
    """The next frame from a blocking socket; WalletError("OWNER_GONE") at its end, TimeoutError after its timeout."""
    (length,) = _LENGTH.unpack(_exactly(line, _LENGTH.size))
    if length > limit:
        raise WalletError("JSON_SIZE", got=length, limit=limit)
    return decode(_exactly(line, length), limit)


def _exactly(line: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        try:
            part = line.recv(min(count - len(parts), 1 << 16))
        except TimeoutError:
            raise
        except OSError as error:
            raise WalletError("OWNER_GONE") from error
        if not part:
            raise WalletError("OWNER_GONE")
        parts += part
    return bytes(parts)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value).__name__)  # a snapshot holds nothing else


def _from_plain(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    raise ValueError(f"no {kind.__name__}")
