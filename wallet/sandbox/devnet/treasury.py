"""The account that holds everything in the beginning: it deploys contracts and gives test money away."""

from __future__ import annotations

import time
from asyncio import Lock
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from eth_typing import Address

from wallet.sandbox.devnet.errors import LIMIT_EXCEEDED, RpcError
from wallet.sandbox.devnet.evm import BASE_FEE, CHAIN_ID, GAS_LIMIT
from wallet.sandbox.devnet.transactions import contract_address

_MINT = keccak(b"mint(address,uint256)")[:4]
_GIFT_GAS = 150_000
_TIP = 1


@dataclass(frozen=True)
class TokenInfo:
    """A test token: its 20-byte address, its symbol, how many decimals its base unit lies below one token."""

    address: bytes
    symbol: str
    decimals: int


@dataclass(frozen=True)
class TokenPlan:
    """A test token before it has an address; `gift` is what the faucet gives, in base units."""

    symbol: str
    name: str
    decimals: int
    gift: int


NATIVE_GIFT = 10 * 10**18
TOKENS = (
    TokenPlan("USDT", "Test USDT", 6, 50_000 * 10**6),
    TokenPlan("WBTC", "Test WBTC", 8, 10**8),
)


class Treasury:
    """Signs for one key, in nonce order, one job at a time."""

    def __init__(
        self,
        key: PrivateKey,
        next_nonce: Callable[[bytes], Awaitable[int]],
        send: Callable[[Sequence[bytes]], Awaitable[list[bytes]]],
    ) -> None:
        """`next_nonce` of an address, and `send` raw transactions in order, returning their hashes once they are in
        blocks.
        """
        self._key = key
        self._next_nonce = next_nonce
        self._send = send
        self._turn = Lock()
        self.address: bytes = key.public_key.to_canonical_address()

    async def create(self, initcode: bytes) -> bytes:
        """The address of a new contract made by `initcode`; whether there is code is for the caller to see."""
        async with self._turn:
            nonce = await self._next_nonce(self.address)
            await self._send([self._sign(nonce, b"", 0, initcode, GAS_LIMIT)])
        return contract_address(self.address, nonce)

    async def give(self, receiver: bytes, native: int, tokens: Mapping[bytes, int]) -> list[bytes]:
        """Sends `native` wei and mints `tokens` (address to base units) to `receiver`; returns the hashes.

        Zero amounts are left out.
        """
        gifts = [(receiver, native, b"")] if native else []
        word = receiver.rjust(32, b"\0")
        gifts += [(token, 0, _MINT + word + amount.to_bytes(32, "big")) for token, amount in tokens.items() if amount]
        async with self._turn:
            nonce = await self._next_nonce(self.address)
            return await self._send([self._sign(nonce + index, *gift, _GIFT_GAS) for index, gift in enumerate(gifts)])

    def _sign(self, nonce: int, to: bytes, value: int, payload: bytes, gas: int) -> bytes:
        unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
            chain_id=CHAIN_ID,
            nonce=nonce,
            max_priority_fee_per_gas=_TIP,
            max_fee_per_gas=BASE_FEE + _TIP,
            gas=gas,
            to=Address(to),
            value=value,
            data=payload,
            access_list=(),
        )
        return unsigned.as_signed_transaction(self._key).encode()


def token_arguments(plan: TokenPlan) -> bytes:
    """The ABI encoding of (string name, string symbol, uint8 decimals), each string at most 32 bytes long."""
    name, symbol = plan.name.encode(), plan.symbol.encode()
    if max(len(name), len(symbol)) > 32:
        raise ValueError("a token's name and symbol fill one word at most")
    head = [3 * 32, 5 * 32, plan.decimals, len(name), int.from_bytes(name.ljust(32, b"\0"), "big"), len(symbol)]
    return b"".join(word.to_bytes(32, "big") for word in head) + symbol.ljust(32, b"\0")


class FaucetLimit:
    """Once per address in `pause` seconds, `most` times in a minute for all: a program gone wrong fills no disk."""

    def __init__(self, pause: float = 10.0, most: int = 60, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._most = most
        self._clock = clock
        self._given: dict[bytes, float] = {}

    def take(self, address: bytes) -> None:
        """Counts one gift to `address`. Raises RpcError -32005 when it is too early."""
        now = self._clock()
        self._given = {known: when for known, when in self._given.items() if now - when < 60.0}
        wait = self._given.get(address, now - self._pause) + self._pause - now
        if wait > 0:
            raise RpcError(LIMIT_EXCEEDED, f"the faucet has just given to this address: try again in {ceil(wait)} s")
        if len(self._given) >= self._most:
            raise RpcError(LIMIT_EXCEEDED, "the faucet has given too often in this minute: try again in a minute")
        self._given[address] = now
