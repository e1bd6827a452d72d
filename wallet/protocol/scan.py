"""Bytes as a set of texts that a scanner reads from paper, and back: for codes in QR's alphanumeric mode. Pure.

Each text says which set it is of, and which part: ``TC1/<set>/<part>/<parts>/<base32>``. The set's name is the start
of the digest of the bytes before they were compressed, so that parts of two sets are never joined.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from hashlib import sha256

from wallet.protocol.errors import WalletError

CAPACITY = 800  # bytes in one code: version 24 at level M, which a telephone still reads from a printed page
MOST = 12  # codes: one page
MAX_BYTES = 1024 * 1024
_TEXT = re.compile(r"TC1/([0-9A-F]{16})/([0-9]{1,2})/([0-9]{1,2})/([A-Z2-7]+)")


def codes(value: bytes) -> list[str]:
    """The texts to print; empty if they would be more than a page holds."""
    packed = zlib.compress(value, 9)
    count = -(-len(packed) // CAPACITY)
    size = -(-len(packed) // count)  # codes of one size: none is harder to read than it must be
    parts = [packed[at : at + size] for at in range(0, len(packed), size)]
    if len(parts) > MOST:
        return []
    name = _name(value)
    shown = (base64.b32encode(part).decode().rstrip("=") for part in parts)
    return [f"TC1/{name}/{index}/{len(parts)}/{text}" for index, text in enumerate(shown, 1)]


def is_scanned(text: str) -> bool:
    """Whether this is meant to be what a scanner read."""
    return text.lstrip().startswith("TC1/")


def join(text: str) -> bytes:
    """The bytes from the texts of all parts, in any order, each in a line of its own.

    Raises WalletError("SCAN_FORM" | "SCAN_MIXED" | "SCAN_MISSING").
    """
    found: dict[int, str] = {}
    sets: set[tuple[str, str]] = set()
    for line in text.split():
        match = _TEXT.fullmatch(line)
        if match is None:
            raise WalletError("SCAN_FORM", got=line[:40])
        name, part, parts, data = match.groups()
        sets.add((name, parts))
        if found.setdefault(int(part), data) != data:
            raise WalletError("SCAN_MIXED")
    if len(sets) != 1:
        raise WalletError("SCAN_MIXED")
    ((name, parts),) = sets
    wanted = range(1, int(parts) + 1)
    missing = [str(part) for part in wanted if part not in found]
    if missing or set(found) - set(wanted) or int(parts) > MOST:
        raise WalletError("SCAN_MISSING", missing=", ".join(missing) or parts)
    return _unpacked(b"".join(_decoded(found[part]) for part in wanted), name)


def _unpacked(packed: bytes, name: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        value = unpacker.decompress(packed, MAX_BYTES)
    except zlib.error as error:
        raise WalletError("SCAN_FORM", got="compressed data") from error
    if unpacker.unconsumed_tail or unpacker.unused_data or not unpacker.eof or _name(value) != name:
        raise WalletError("SCAN_FORM", got="data of another set")
    return value


def _decoded(data: str) -> bytes:
    try:
        return base64.b32decode(data + "=" * (-len(data) % 8))
    except binascii.Error as error:
        raise WalletError("SCAN_FORM", got=data[:40]) from error


def _name(value: bytes) -> str:
    return sha256(value).hexdigest()[:16].upper()
