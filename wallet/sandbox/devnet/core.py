"""Store, chain and answers together, with the clock and the key: everything that blocks. One thread at a time."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from eth.abc import SignedTransactionAPI
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from eth_typing import Address

from wallet.sandbox.devnet.evm import CHAIN_ID, Evm, Mined
from wallet.sandbox.devnet.reads import Reads
from wallet.sandbox.devnet.store import Store
from wallet.sandbox.devnet.transactions import decode

_KEY = b"devnet:treasury"
_AHEAD = b"devnet:clock-ahead"
_CONTRACT = b"devnet:contract:"
# The genesis lies a little back, so that the blocks of the first contracts, a second apart, are not in the future.
_HEAD_START = 10
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Core:
    """One chain in one directory."""

    def __init__(self, directory: Path, clock: Callable[[], float]) -> None:
        """`clock` gives the seconds since 1970. Raises WalletError DEVNET_IN_USE, DEVNET_DAMAGED, DEVNET_STORAGE."""
        self._clock = clock
        self._store = Store(directory)
        try:
            # Drawn for this directory alone: a key that everybody knows would tempt people to send real money to it.
            self.key = PrivateKey(self._store.find(_KEY) or self._new_key())
            self._ahead = int.from_bytes(self._store.find(_AHEAD) or b"", "big")
            self.evm = Evm(self._store, self._now() - _HEAD_START, self.key.public_key.to_canonical_address())
            self._reads = Reads(self.evm, self._store, self.next_time)
        except BaseException:
            self._store.close()
            raise

    def _new_key(self) -> bytes:
        secret = 1 + secrets.randbelow(_CURVE_ORDER - 1)
        # Held back with the genesis block, and so kept with it or not at all.
        self._store[_KEY] = secret.to_bytes(32, "big")
        return self._store[_KEY]

    def _now(self) -> int:
        return int(self._clock()) + self._ahead

    def next_time(self) -> int:
        """The timestamp of a block made now: the clock's, and later than the block before."""
        return max(self.evm.head.timestamp + 1, self._now())

    def idle_for(self) -> int:
        """Seconds by which the clock is ahead of the latest block; below zero while the chain is ahead of the clock."""
        return self._now() - self.evm.head.timestamp

    def decode(self, raw: bytes) -> SignedTransactionAPI:
        """The transaction `raw` encodes, for this chain. Raises RpcError."""
        return decode(raw, CHAIN_ID)

    def mine(self, candidates: Sequence[SignedTransactionAPI]) -> Mined:
        """Puts `candidates` into a block, which is durable on return. Raises WalletError DEVNET_STORAGE."""
        return self.evm.mine(candidates, self.next_time())

    def mine_empty(self) -> None:
        """Makes a block of nothing, so that time passes on the chain."""
        self.evm.mine((), self.next_time(), even_empty=True)

    def answer(self, method: str, parameters: Sequence[object]) -> object:
        """The result of a method that only reads. Raises RpcError."""
        return self._reads.answer(method, parameters)

    def nonce(self, address: bytes) -> int:
        """The number of the next transaction from `address`."""
        return self.evm.state(self.evm.head).get_nonce(Address(address))

    def code(self, address: bytes) -> bytes:
        """The code at `address`, empty if there is none."""
        return self.evm.state(self.evm.head).get_code(Address(address))

    def known_contract(self, initcode: bytes) -> bytes | None:
        """Where `initcode` has been deployed by the treasury before, or None."""
        return self._store.find(_CONTRACT + keccak(initcode))

    def remember_contract(self, initcode: bytes, address: bytes) -> None:
        """Notes durably that `initcode` is deployed at `address`."""
        self._store[_CONTRACT + keccak(initcode)] = address
        self._store.commit()

    def advance_clock(self, seconds: int) -> int:
        """Sets the chain's clock forward, durably; returns by how many seconds it is ahead now. Tests only.

        From wherever the chain is: after many blocks in a short time it may be ahead of the clock by itself.
        """
        ahead = self.next_time() + seconds - int(self._clock())
        self._store[_AHEAD] = ahead.to_bytes(8, "big")
        self._store.commit()
        self._ahead = ahead
        return ahead

    def close(self) -> None:
        """Lets go of the directory."""
        self._store.close()
