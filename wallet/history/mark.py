"""The high-water mark: outside the database, how far it had come. What was lost with a WAL or a tail is seen by it.

A small owner-only file beside the database, written after each commit and never synced: it may fall behind, it can't
run ahead. It is a witness against loss, not against an attacker who may write files: he can put both back.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from wallet.history.store import create

_FORM = struct.Struct(">8sQ16sQ32s?")  # magic, count of writes, database, row, its digest, failed
_MAGIC = b"chanmrk1"
_CHECK = 8
_SLOT = 512  # a disk writes at least so much at once: the other slot survives a torn write


@dataclass(frozen=True, slots=True)
class Mark:
    """``store`` names the database; its last state row was ``seq`` (0: none yet) with this digest.

    ``failed`` tells that a write went wrong, and the file has not been looked at since.
    """

    store: bytes
    seq: int = 0
    digest: bytes = bytes(32)
    failed: bool = False


class HighWater:
    """The mark's file. Any OSError is the caller's."""

    def __init__(self, path: Path) -> None:
        create(path)
        self._file = path.open("r+b", buffering=0)
        self._writes, self.mark = _newest(self._file.read(2 * _SLOT) or b"")

    def write(self, mark: Mark) -> None:
        """Replaces the older of two copies."""
        self._writes += 1
        data = _FORM.pack(_MAGIC, self._writes, mark.store, mark.seq, mark.digest, mark.failed)
        self._file.seek(self._writes % 2 * _SLOT)
        self._file.write((data + _sum(data)).ljust(_SLOT, b"\0"))
        self.mark = mark

    def close(self) -> None:
        self._file.close()


def read_mark(path: Path) -> Mark | None:
    """What the file says, for who only looks; None if there is none, or nothing whole in it."""
    try:
        with path.open("rb") as file:
            return _newest(file.read(2 * _SLOT))[1]
    except OSError:
        return None


def _newest(data: bytes) -> tuple[int, Mark | None]:
    """The newer copy that is whole, and the count of writes it carries; (0, None) if neither is."""
    found: list[tuple[int, Mark]] = []
    for copy in (data[:_SLOT], data[_SLOT:]):
        body, check = copy[: _FORM.size], copy[_FORM.size : _FORM.size + _CHECK]
        if len(body) == _FORM.size and body.startswith(_MAGIC) and check == _sum(body):
            _, writes, store, seq, digest, failed = _FORM.unpack(body)
            found.append((writes, Mark(store, seq, digest, failed)))
    return max(found, key=lambda row: row[0], default=(0, None))


def _sum(data: bytes) -> bytes:
    return blake2b(data, digest_size=_CHECK).digest()
