"""A transaction as the very bytes that are signed or sent: what is shown of it is read from them, not from a wish.

EIP-1559 only, without an access list: this program makes no others. Sources: EIP-2718, EIP-1559.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wallet.chain.calls import Call
from wallet.protocol.errors import WalletError

MAX_BYTES = 131_072  # what nodes take
_TYPE = b"\x02"
_UNSIGNED, _SIGNED = 9, 12
_WIDTHS = (8, 8, 32, 32, 8)  # bytes of chain id, nonce, tip, most per gas, gas limit


@dataclass(frozen=True, slots=True)
class Envelope:
    """The fields of a transaction. Wei, gas, and wei per gas; ``to`` has 20 bytes."""

    chain_id: int
    nonce: int
    tip: int
    max_fee_per_gas: int
    gas_limit: int
    to: bytes
    value: int
    data: bytes

    @property
    def call(self) -> Call:
        return Call(self.to, self.data, self.value)

    @property
    def max_cost(self) -> int:
        """Wei the network can take at most, the value apart."""
        return self.gas_limit * self.max_fee_per_gas

    def unsigned(self) -> bytes:
        """The bytes whose keccak is signed."""
        return _TYPE + _rlp(self._items())

    def _items(self) -> list[Any]:
        numbers = (self.chain_id, self.nonce, self.tip, self.max_fee_per_gas, self.gas_limit)
        return [*map(_number, numbers), self.to, _number(self.value), self.data, []]


def envelope_of(fields: Mapping[str, object]) -> Envelope:
    """The same of eth-account's fields, as this program makes them. Raises WalletError("TX_FORM") for any others."""
    names = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "data")
    numbers, (to, value, data) = [fields.get(name) for name in names[:5]], [fields.get(name) for name in names[5:]]
    target = bytes.fromhex(to.removeprefix("0x")) if isinstance(to, str) else to
    known = {*names, "type", "accessList", "from"}
    if not set(fields) <= known or fields.get("accessList") or fields.get("type", 2) not in (2, "0x2"):
        raise _malformed("not its fields")
    whole = [number for number in (*numbers, value) if isinstance(number, int) and number >= 0]
    if len(whole) != 6 or not isinstance(target, bytes) or len(target) != 20 or not isinstance(data, bytes):
        raise _malformed("a field is none")
    return Envelope(whole[0], whole[1], whole[2], whole[3], whole[4], target, whole[5], data)


def read_unsigned(raw: bytes) -> Envelope:
    """What a signature over ``raw`` would allow. Raises WalletError("TX_FORM") for any other or any longer bytes."""
    found = _read(raw, _UNSIGNED)
    if found.unsigned() != raw:
        raise _malformed("not its shortest form")
    return found


def read_signed(raw: bytes) -> Envelope:
    """What ``raw`` does once it is mined. The signature is not looked at. Raises WalletError("TX_FORM")."""
    return _read(raw, _SIGNED)


def _read(raw: bytes, count: int) -> Envelope:
    import rlp  # late: it brings half of eth-utils

    if not raw.startswith(_TYPE) or len(raw) > MAX_BYTES:
        raise _malformed("no EIP-1559 transaction")
    try:
        items = rlp.decode(raw[1:])
    except (rlp.exceptions.RLPException, ValueError, TypeError, RecursionError) as error:
        raise _malformed("no RLP") from error
    if not isinstance(items, list) or len(items) != count or items[8] != []:
        raise _malformed("not its fields")
    if not all(isinstance(item, bytes) for item in items[:8]) or len(items[5]) != 20:
        raise _malformed("a field is none")
    chain_id, nonce, tip, most, gas = (_whole(item, width) for item, width in zip(items[:5], _WIDTHS, strict=True))
    found = Envelope(chain_id, nonce, tip, most, gas, bytes(items[5]), _whole(items[6], 32), bytes(items[7]))
    if found.chain_id == 0 or found.tip > found.max_fee_per_gas:
        raise _malformed("fields that no chain takes")
    return found


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _whole(item: bytes, width: int) -> int:
    if len(item) > width or item[:1] == b"\0":
        raise _malformed("a number is none")
    return int.from_bytes(item, "big")


def _rlp(items: Sequence[Any]) -> bytes:
    import rlp

    return bytes(rlp.encode(items))


def _malformed(why: str) -> WalletError:
    return WalletError("TX_FORM", why=why)
