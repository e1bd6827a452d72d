"""Parameters of JSON-RPC calls, strictly read: everything here raises RpcError -32602 that says which one is wrong and
why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wallet.sandbox.devnet.errors import INVALID_PARAMS, RpcError
from wallet.sandbox.devnet.evm import Call

MAX_CHOICES = 100
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_TAGS = frozenset({"latest", "pending", "safe", "finalized", "earliest"})
_CALL_FIELDS = frozenset(
    ("from", "to", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "data", "input", "nonce")
) | {"type", "chainId", "accessList"}


def wrong(what: str, why: str) -> RpcError:
    """The refusal for parameter `what`."""
    return RpcError(INVALID_PARAMS, f"invalid argument {what}: {why}")


def octets(value: object, what: str, length: int | None = None) -> bytes:
    """0x-hex, of `length` bytes if given."""
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise wrong(what, "not 0x-hex of whole bytes")
    if length is not None and len(value) != 2 + 2 * length:
        raise wrong(what, f"{len(value) // 2 - 1} bytes where {length} belong")
    return bytes.fromhex(value[2:])


def quantity(value: object, what: str, bits: int = 256) -> int:
    """A 0x-hex number below 2**`bits`."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise wrong(what, "not a 0x-hex number")
    number = int(value, 16)
    if number >= 2**bits:
        raise wrong(what, f"larger than {bits} bits")
    return number


@dataclass(frozen=True)
class BlockChoice:
    """Which block is asked about: a tag, a number, or a hash; the other two are None."""

    tag: str | None = None
    number: int | None = None
    digest: bytes | None = None


def block(value: object, what: str) -> BlockChoice:
    """A tag, a number, or EIP-1898's object. Left out (None) means the latest."""
    if value is None:
        return BlockChoice(tag="latest")
    if isinstance(value, str) and value in _TAGS:
        return BlockChoice(tag=value)
    if isinstance(value, dict):
        if "blockHash" in value:
            return BlockChoice(digest=octets(value["blockHash"], f"{what}.blockHash", 32))
        return block(value.get("blockNumber", ""), f"{what}.blockNumber")
    return BlockChoice(number=quantity(value, what, 63))


def call(value: object) -> Call:
    """A call object. Prices are read and not charged: a call costs nothing."""
    if not isinstance(value, dict):
        raise wrong("0", "not a call object")
    unknown = sorted(str(key) for key in value.keys() - _CALL_FIELDS)
    if unknown:
        raise wrong("0", f"unknown field {unknown[0][:40]!r}")
    given = {key: entry for key, entry in value.items() if entry is not None}
    payload = octets(given.get("input", given.get("data", "0x")), "data")
    if "input" in given and "data" in given and octets(given["data"], "data") != payload:
        raise wrong("0", 'both "data" and "input" are set and not equal')
    gas = quantity(given["gas"], "gas", 64) if "gas" in given else None
    return Call(
        sender=octets(given.get("from", "0x" + "00" * 20), "from", 20),
        to=octets(given["to"], "to", 20) if "to" in given else b"",
        value=quantity(given.get("value", "0x0"), "value"),
        data=payload,
        gas=gas or None,
    )


@dataclass(frozen=True)
class LogQuery:
    """What `eth_getLogs` asks for; `digest` of one block, or a range."""

    digest: bytes | None
    first: BlockChoice
    last: BlockChoice
    addresses: tuple[bytes, ...]
    topics: tuple[tuple[bytes, ...] | None, ...]


def log_query(value: object) -> LogQuery:
    """The filter object of `eth_getLogs`."""
    if not isinstance(value, dict):
        raise wrong("0", "not a filter object")
    unknown = sorted(str(key) for key in value.keys() - {"fromBlock", "toBlock", "blockHash", "address", "topics"})
    if unknown:
        raise wrong("0", f"unknown field {unknown[0][:40]!r}")
    digest = value.get("blockHash")
    if digest is not None and (value.get("fromBlock") is not None or value.get("toBlock") is not None):
        raise wrong("0", "cannot specify both blockHash and fromBlock/toBlock, choose one or the other")
    topics = value.get("topics") or []
    if not isinstance(topics, list) or len(topics) > 4:
        raise wrong("topics", "not a list of at most 4")
    address = value.get("address")
    return LogQuery(
        digest=None if digest is None else octets(digest, "blockHash", 32),
        first=block(value.get("fromBlock"), "fromBlock"),
        last=block(value.get("toBlock"), "toBlock"),
        addresses=() if address is None else _choices(address, "address", 20),
        topics=tuple(_topic(topic) for topic in topics),
    )


def _topic(value: object) -> tuple[bytes, ...] | None:
    return None if value is None or value == [] else _choices(value, "topics", 32)


def _choices(value: object, what: str, length: int) -> tuple[bytes, ...]:
    entries: Sequence[object] = value if isinstance(value, list) else [value]
    if len(entries) > MAX_CHOICES:
        raise wrong(what, f"more than {MAX_CHOICES} choices")
    return tuple(octets(entry, what, length) for entry in entries)
