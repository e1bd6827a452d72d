"""Values of the Ethereum JSON-RPC, strictly: what a node says is data to be checked. Source: EIP-1474."""

from __future__ import annotations

import re
from typing import Any

from wallet.protocol.errors import WalletError

Json = Any

MAX_DATA = 1 << 20  # bytes of one data value
_QUANTITY = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})", re.ASCII)
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)


def bad_reply(method: str, reason: str) -> WalletError:
    """The one error for an answer that is not what the method must give."""
    return WalletError("RPC_BAD_REPLY", method=method, reason=reason)


def show_quantity(value: int) -> str:
    return hex(value)


def show_data(data: bytes) -> str:
    return "0x" + data.hex()


def read_quantity(value: Json, method: str, what: str = "quantity", bits: int = 256) -> int:
    """An integer from ``0x…`` without leading zeros, below 2^bits."""
    if type(value) is not str or not _QUANTITY.fullmatch(value):
        raise bad_reply(method, f"{what} is no quantity")
    number = int(value, 16)
    if number >= 1 << bits:
        raise bad_reply(method, f"{what} is out of range")
    return number


def read_data(value: Json, method: str, what: str = "data", size: int | None = None) -> bytes:
    """Bytes from ``0x…``; exactly ``size`` of them if given."""
    if type(value) is not str or len(value) > 2 * MAX_DATA + 2 or not _DATA.fullmatch(value):
        raise bad_reply(method, f"{what} is no data")
    data = bytes.fromhex(value[2:])
    if size is not None and len(data) != size:
        raise bad_reply(method, f"{what} has {len(data)} bytes instead of {size}")
    return data


def read_record(value: Json, method: str) -> dict[str, Json]:
    if type(value) is not dict:
        raise bad_reply(method, "no object")
    return value


def read_items(value: Json, method: str, most: int) -> list[Json]:
    if type(value) is not list:
        raise bad_reply(method, "no list")
    if len(value) > most:
        raise bad_reply(method, f"more than {most} entries")
    return value


def plain_text(value: object, longest: int = 200) -> str:
    """What a node or a contract calls its reason, made fit for a person: printable ASCII, cut."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:longest])
