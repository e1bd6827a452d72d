"""What a recording says: its bytes taken apart into WebSocket text messages (RFC 6455) and those into JSON.

Imports nothing of the wallet: the bytes are judged by other eyes than those that made them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.recorder import CLOSED, HEAD, TO_TRADER

_TEXT, _CONTINUATION, _CONTROL = 0x1, 0x0, 0x8


@dataclass(frozen=True)
class Said:
    """One message: when its last byte passed, on which connection, by whom, and what."""

    time: float
    connection: int
    by_broker: bool
    value: dict[str, Any]


@dataclass
class Stream:
    """One direction of one connection."""

    upgraded: bool = False
    rest: bytearray = field(default_factory=bytearray)
    text: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The text messages that are complete with ``data``; a message that its sender never finished is none."""
        self.rest += data
        if not self.upgraded:
            end = self.rest.find(b"\r\n\r\n")
            if end < 0:
                return
            del self.rest[: end + 4]
            self.upgraded = True
        while (frame := self._frame()) is not None:
            final, opcode, payload = frame
            if opcode & _CONTROL:
                continue
            assert opcode in (_TEXT, _CONTINUATION), f"opcode {opcode}"
            self.text += payload
            if final:
                yield bytes(self.text)
                self.text.clear()

    def _frame(self) -> tuple[bool, int, bytes] | None:
        """The next whole frame, taken off the front: final, opcode, unmasked payload."""
        data = self.rest
        if len(data) < 2:
            return None
        assert not data[0] & 0x70, "a reserved bit: an extension nobody agreed on"
        size, at = data[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        masked = bool(data[1] & 0x80)
        start = at + (4 if masked else 0)
        if len(data) < start + size:
            return None
        payload = bytes(data[start : start + size])
        if masked and size:
            mask = int.from_bytes((bytes(data[at:start]) * (size // 4 + 1))[:size], "big")
            payload = (int.from_bytes(payload, "big") ^ mask).to_bytes(size, "big")
        first = data[0]
        del data[: start + size]
        return bool(first & 0x80), first & 0x0F, payload


def chunks(file: Path) -> Iterator[tuple[float, int, int, bytes]]:
    """(time, connection, direction, bytes) as they were recorded."""
    data = file.read_bytes()
    at = 0
    while at < len(data):
        time, connection, direction, size = HEAD.unpack_from(data, at)
        at += HEAD.size
        yield time, connection, direction, data[at : at + size]
        at += size


def messages(file: Path) -> Iterator[Said]:
    """Everything that was said, in the order in which it passed."""
    streams: dict[tuple[int, int], Stream] = {}
    for time, connection, direction, data in chunks(file):
        if direction == CLOSED:
            continue
        for text in streams.setdefault((connection, direction), Stream()).feed(data):
            yield Said(time, connection, direction == TO_TRADER, json.loads(text))
