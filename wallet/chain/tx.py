"""Transactions: built, signed, stored, and only then sent.

EIP-1559 throughout. What was signed is on disk before it leaves, so that after a crash the same bytes leave or nothing
does: sending the same bytes twice is harmless, signing twice is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from wallet.chain.calls import Call
from wallet.chain.records import Receipt
from wallet.chain.rpc import Rpc
from wallet.protocol.eip712 import keccak
from wallet.protocol.errors import WalletError

GWEI = 10**9
# What nodes answer to a transaction that they have already; there is no code for it.
_KNOWN = ("already known", "already in", "alreadyknown", "already imported", "known transaction", "already exists")
# A node that is away for a moment; whoever waits goes on waiting.
_TRANSIENT = frozenset(("RPC_UNREACHABLE", "RPC_TIMEOUT", "RPC_HTTP"))
_ESTIMATE_MARGIN = (5, 4)  # other transactions may come first and change what the same call costs


class TransactionSigner(Protocol):
    """A key with an account on chain: the owner's, or the gas key."""

    @property
    def address(self) -> bytes: ...

    def sign_transaction(self, transaction: Mapping[str, object]) -> bytes:
        """The raw signed transaction for eth-account's fields."""
        ...


class KeySigner:
    """A signer that holds its 32-byte secret in memory."""

    def __init__(self, secret: bytes) -> None:
        from eth_account import Account

        self._account = Account.from_key(secret)
        self.address = bytes.fromhex(self._account.address[2:])

    def sign_transaction(self, transaction: Mapping[str, object]) -> bytes:
        return bytes(self._account.sign_transaction(dict(transaction)).raw_transaction)


def chain_of(raw: bytes) -> int | None:
    """The chain a raw typed transaction (EIP-2718) was signed for; None for bytes that are no such transaction."""
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from hexbytes import HexBytes

    try:
        return int(TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["chainId"])
    except Exception:  # noqa: BLE001 - the decoder names no errors of its own: whatever it is, no chain is known
        return None


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """What a transaction may cost at most, and how it bids. Wei per gas, but ``max_cost`` in wei."""

    max_fee_per_gas: int = 500 * GWEI
    max_tip: int = 5 * GWEI
    max_cost: int = 2 * 10**17
    max_gas: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A signed transaction: what the store hook gets, and what can be sent again as it is."""

    raw: bytes
    hash: bytes
    sender: bytes
    nonce: int
    call: Call
    gas_limit: int
    max_fee_per_gas: int
    tip: int = 0

    @property
    def max_cost(self) -> int:
        """Wei it can take from the sender at most, its value apart."""
        return self.gas_limit * self.max_fee_per_gas


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call may cost now. Gas, and wei per gas."""

    gas_limit: int
    max_fee_per_gas: int
    tip: int

    @property
    def max_cost(self) -> int:
        """Wei it can take from the sender at most, its value apart."""
        return self.gas_limit * self.max_fee_per_gas


class Sender:
    """Sends transactions of one account on one chain, one after the other."""

    def __init__(
        self,
        rpc: Rpc,
        chain_id: int,
        signer: TransactionSigner,
        store: Callable[[Outgoing], None],
        policy: FeePolicy | None = None,
    ) -> None:
        """``store`` must return only when the bytes are durable; what it raises stops the transaction unsent."""
        self._rpc = rpc
        self._chain_id = chain_id
        self._signer = signer
        self._store = store
        self._policy = policy or FeePolicy()
        self._lock = asyncio.Lock()
        self._last: Outgoing | None = None

    @property
    def address(self) -> bytes:
        return self._signer.address

    async def send(self, call: Call) -> Outgoing:
        """Signs, stores and sends ``call``; returns before it is mined.

        Raises WalletError: CHAIN_WRONG_ID, RPC_REVERTED (it would fail; nothing was signed), TX_FEE_TOO_HIGH,
        TX_NO_GAS, TX_GAS_LIMIT, any RPC_… error. After an error of sending itself the stored bytes may be on their
        way: `resend` them, never build another.
        """
        async with self._lock:
            outgoing = await self._prepare(call)
            self._store(outgoing)
            await self.resend(outgoing)
            self._last = outgoing
            return outgoing

    async def quote(self, call: Call) -> Quote:
        """What ``call`` would cost at most, for a person to see before anything is signed.

        Raises WalletError: RPC_REVERTED (it would fail), TX_FEE_TOO_HIGH, TX_GAS_LIMIT, any RPC_… error.
        """
        gas_limit = await self._gas_limit(call)
        return await self._fees(gas_limit)

    async def resend(self, outgoing: Outgoing) -> None:
        """Sends the same bytes, again if need be. That the node has them already is success."""
        try:
            await self._rpc.send_raw(outgoing.raw)
        except WalletError as error:
            if not await self._is_known(outgoing, error):
                raise

    async def wait(
        self, outgoing: Outgoing, *, confirmations: int = 1, within: float = 120.0, poll: float = 0.25
    ) -> Receipt:
        """The receipt, once the transaction is ``confirmations`` blocks deep. A reorganisation starts the count anew.

        Raises WalletError TX_FAILED (mined, and without effect) or TX_NOT_MINED after ``within`` seconds: it may still
        be mined later.
        """
        try:
            async with asyncio.timeout(within):
                return await self._wait(outgoing, confirmations, poll)
        except TimeoutError as error:
            raise WalletError("TX_NOT_MINED", hash="0x" + outgoing.hash.hex(), seconds=within) from error

    async def execute(self, call: Call, *, confirmations: int = 1, within: float = 120.0) -> Receipt:
        """`send`, then `wait`."""
        return await self.wait(await self.send(call), confirmations=confirmations, within=within)

    async def _wait(self, outgoing: Outgoing, confirmations: int, poll: float) -> Receipt:
        while True:
            try:
                receipt = await self._mined(outgoing, confirmations)
            except WalletError as error:
                if error.code not in _TRANSIENT:
                    raise
                receipt = None
            if receipt is not None:
                if not receipt.succeeded:
                    raise WalletError("TX_FAILED", hash="0x" + outgoing.hash.hex())
                return receipt
            await asyncio.sleep(poll)

    async def _mined(self, outgoing: Outgoing, confirmations: int) -> Receipt | None:
        """The receipt, if it is deep enough in the chain that the node has now."""
        receipt = await self._rpc.receipt(outgoing.hash)
        if receipt is None or await self._rpc.block_number() - receipt.block_number + 1 < confirmations:
            return None
        block = await self._rpc.block(receipt.block_number)
        return receipt if block is not None and block.hash == receipt.block_hash else None

    async def _prepare(self, call: Call) -> Outgoing:
        chain_id = await self._rpc.chain_id()
        if chain_id != self._chain_id:
            raise WalletError("CHAIN_WRONG_ID", expected=self._chain_id, got=chain_id, node=self._rpc.node)
        balance = await self._rpc.balance(self.address)
        # Before the estimate, in which each node says in words of its own that the value is not there.
        self._check_funds(balance, call.value)
        quote = await self.quote(call)
        self._check_funds(balance, call.value + quote.max_cost)
        return self.sign(call, await self._nonce(), quote)

    def sign(self, call: Call, nonce: int, quote: Quote) -> Outgoing:
        """The transaction, signed; it is neither stored nor sent."""
        raw = self._signer.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": call.to,
                "value": call.value,
                "data": call.data,
                "gas": quote.gas_limit,
                "maxFeePerGas": quote.max_fee_per_gas,
                "maxPriorityFeePerGas": quote.tip,
            }
        )
        return Outgoing(raw, keccak(raw), self.address, nonce, call, quote.gas_limit, quote.max_fee_per_gas, quote.tip)

    async def _gas_limit(self, call: Call) -> int:
        estimate = await self._rpc.estimate_gas(call.to, call.data, call.value, self.address)
        margin, base = _ESTIMATE_MARGIN
        if estimate > self._policy.max_gas:
            raise WalletError("TX_GAS_LIMIT", got=estimate, limit=self._policy.max_gas)
        return min(estimate * margin // base, self._policy.max_gas)

    async def _fees(self, gas_limit: int) -> Quote:
        block = await self._rpc.block("latest")
        if block is None:
            raise WalletError("RPC_BAD_REPLY", method="eth_getBlockByNumber", reason="no latest block")
        tip = min(await self._rpc.priority_fee(), self._policy.max_tip)
        # A full block raises the base fee by an eighth: twice as much lasts for five of them.
        wanted = 2 * block.base_fee + tip
        needed = block.base_fee + tip
        ceiling = min(self._policy.max_fee_per_gas, self._policy.max_cost // gas_limit)
        if needed > ceiling:
            raise WalletError("TX_FEE_TOO_HIGH", fee=needed, limit=ceiling)
        return Quote(gas_limit, min(wanted, ceiling), tip)

    def _check_funds(self, balance: int, need: int) -> None:
        if balance < need:
            raise WalletError("TX_NO_GAS", have=balance, need=need, address="0x" + self.address.hex())

    async def _nonce(self) -> int:
        pending = await self._rpc.nonce(self.address, "pending")
        last = self._last
        # A node may not count what it has just taken; one that was restarted may have lost it.
        if last is not None and pending <= last.nonce and await self._rpc.knows_transaction(last.hash):
            return last.nonce + 1
        return pending

    async def _is_known(self, outgoing: Outgoing, error: WalletError) -> bool:
        if error.code not in {"RPC_ERROR", "RPC_REVERTED"}:
            return False
        message = str(error.params.get("message", "")).lower()
        if any(sign in message for sign in _KNOWN):
            return True
        # "nonce too low" is what a node says that has mined it already.
        return await self._rpc.knows_transaction(outgoing.hash)
