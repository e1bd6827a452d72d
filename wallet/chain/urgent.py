"""Transactions that must be mined before a deadline: bid again, and more, until they are.

For an account of one purpose, the gas key's. Each bid takes its first unused nonce, and so the place of whatever waits
there: no stuck transaction, be it of a run before a crash or of another machine with the same gas key, keeps an answer
from the chain.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from wallet.chain.calls import Call
from wallet.chain.records import Receipt
from wallet.chain.rpc import Rpc
from wallet.chain.tx import GWEI, FeePolicy, Outgoing, Quote, Sender, TransactionSigner
from wallet.protocol.errors import WalletError

log = logging.getLogger(__name__)

PATIENCE = 30.0  # seconds, some two blocks, before the next bid
RAISE = (9, 8)  # nodes take no replacement that bids less than a tenth more
MAX_BIDS = 64  # in a row without a pause: from 1 gwei to 1,800
GAS_MARGIN = (5, 4)
SWEEP_MARGIN = (5, 4)  # of the base fee: two full blocks may come first
# An answer is worth far more than its fee; still no bug and no lying node may burn what the account has in one go.
POLICY = FeePolicy(max_fee_per_gas=2_000 * GWEI, max_tip=50 * GWEI, max_cost=5 * 10**17)
_UNDERPRICED = ("underpriced", "replacement", "fee too low", "too low to replace")


class UrgentSender:
    """Sends what anyone may send, from the gas key, one call at a time."""

    def __init__(
        self,
        rpc: Rpc,
        chain_id: int,
        signer: TransactionSigner,
        store: Callable[[Outgoing], None],
        *,
        policy: FeePolicy = POLICY,
        patience: float = PATIENCE,
        poll: float = 0.25,
        turn: asyncio.Lock | None = None,
    ) -> None:
        """``store`` returns only when the bytes are durable.

        ``turn`` is shared by all that send from this account to this chain, or they would outbid one another.
        """
        self._rpc = rpc
        self._chain_id = chain_id
        self._sender = Sender(rpc, chain_id, signer, store, policy)
        self._store = store
        self._policy = policy
        self._patience = patience
        self._poll = poll
        self._lock = turn or asyncio.Lock()

    @property
    def address(self) -> bytes:
        return self._sender.address

    async def balance(self) -> int:
        """Wei."""
        return await self._rpc.balance(self.address)

    async def execute(self, call: Call, within: float) -> Receipt:
        """Until ``call`` is mined, at most ``within`` seconds.

        Raises WalletError: RPC_REVERTED (it would fail now: perhaps somebody else has done it), TX_NO_GAS (the account
        can't pay for it), TX_GAS_LIMIT, TX_FAILED, TX_NOT_MINED, CHAIN_WRONG_ID, any RPC_… error.
        """
        async with self._lock:
            chain_id = await self._rpc.chain_id()
            if chain_id != self._chain_id:
                raise WalletError("CHAIN_WRONG_ID", expected=self._chain_id, got=chain_id, node=self._rpc.node)
            bids: list[Outgoing] = []
            deadline = time.monotonic() + within
            while time.monotonic() < deadline:
                bids.append(await self._bid(call, bids[-1] if bids else None))
                pause = min(time.monotonic() + self._patience, deadline)
                receipt = await self._mined(bids, pause)
                if receipt is not None:
                    if not receipt.succeeded:
                        raise WalletError("TX_FAILED", hash="0x" + receipt.transaction.hex())
                    return receipt
            raise WalletError("TX_NOT_MINED", hash="0x" + bids[-1].hash.hex() if bids else "", seconds=int(within))

    async def sweep(self, to: bytes, within: float) -> int:
        """All of the account to ``to``, to the last wei where that is a plain account; base units that arrive.

        The tip takes whatever the base fee leaves of the bid, so that the fee is known beforehand. Raises as
        :meth:`execute`.
        """
        async with self._lock:
            chain_id = await self._rpc.chain_id()
            if chain_id != self._chain_id:
                raise WalletError("CHAIN_WRONG_ID", expected=self._chain_id, got=chain_id, node=self._rpc.node)
            balance = await self.balance()
            gas_limit = await self._rpc.estimate_gas(to, b"", 0, self.address, mined=True)
            block = await self._rpc.block("latest")
            base = block.base_fee if block is not None else 0
            times, of = SWEEP_MARGIN
            fee = base * times // of + min(await self._rpc.priority_fee(), self._policy.max_tip) + 1
            value = balance - gas_limit * fee
            if value <= 0 or gas_limit > self._policy.max_gas:
                raise WalletError("TX_NO_GAS", have=balance, need=gas_limit * fee, address="0x" + self.address.hex())
            nonce = await self._rpc.nonce(self.address, "latest")
            outgoing = self._sender.sign(Call(to, b"", value), nonce, Quote(gas_limit, fee, fee))
            self._store(outgoing)
            await self._sender.resend(outgoing)
            receipt = await self._mined([outgoing], time.monotonic() + within)
            if receipt is None:
                raise WalletError("TX_NOT_MINED", hash="0x" + outgoing.hash.hex(), seconds=int(within))
            if not receipt.succeeded:
                raise WalletError("TX_FAILED", hash="0x" + receipt.transaction.hex())
            return value

    async def _bid(self, call: Call, last: Outgoing | None) -> Outgoing:
        """Signs, stores and sends the next bid, above ``last`` and above whatever else waits at this nonce."""
        nonce = await self._rpc.nonce(self.address, "latest")
        floor = last if last is not None and last.nonce == nonce else None
        gas_limit = await self._gas_limit(call)
        ceiling = await self._ceiling(call, gas_limit)
        quote = await self._quote(gas_limit, ceiling, floor)
        for _ in range(MAX_BIDS):
            outgoing = self._sender.sign(call, nonce, quote)
            self._store(outgoing)
            try:
                await self._sender.resend(outgoing)
            except WalletError as error:
                if not _is_underpriced(error) or quote.max_fee_per_gas >= ceiling:
                    if floor is not None and _is_underpriced(error):
                        return floor  # at the ceiling already: what was sent stands
                    raise
                quote = _raised(quote, ceiling)
            else:
                log.info("sent %s at nonce %d, %d wei per gas", outgoing.hash.hex(), nonce, quote.max_fee_per_gas)
                return outgoing
        raise WalletError("TX_FEE_TOO_HIGH", fee=quote.max_fee_per_gas, limit=ceiling)

    async def _gas_limit(self, call: Call) -> int:
        estimate = await self._rpc.estimate_gas(call.to, call.data, call.value, self.address, mined=True)
        if estimate > self._policy.max_gas:
            raise WalletError("TX_GAS_LIMIT", got=estimate, limit=self._policy.max_gas)
        margin, base = GAS_MARGIN
        return min(estimate * margin // base, self._policy.max_gas)

    async def _ceiling(self, call: Call, gas_limit: int) -> int:
        """The most it can bid, wei per gas; WalletError("TX_NO_GAS") if that buys nothing now."""
        balance = await self.balance() - call.value
        block = await self._rpc.block("latest")
        base = block.base_fee if block is not None else 0
        if balance < gas_limit * base or balance <= 0:
            need = call.value + gas_limit * max(base, 1)
            raise WalletError("TX_NO_GAS", have=balance, need=need, address="0x" + self.address.hex())
        return min(self._policy.max_fee_per_gas, self._policy.max_cost // gas_limit, balance // gas_limit)

    async def _quote(self, gas_limit: int, ceiling: int, floor: Outgoing | None) -> Quote:
        block = await self._rpc.block("latest")
        base = block.base_fee if block is not None else 0
        tip = min(await self._rpc.priority_fee(), self._policy.max_tip)
        quote = Quote(gas_limit, min(2 * base + tip, ceiling), min(tip, ceiling))
        if floor is None:
            return quote
        above = _raised(Quote(gas_limit, floor.max_fee_per_gas, floor.tip), ceiling)
        return Quote(gas_limit, max(quote.max_fee_per_gas, above.max_fee_per_gas), max(quote.tip, above.tip))

    async def _mined(self, bids: list[Outgoing], until: float) -> Receipt | None:
        """The receipt of one of ``bids``; None if there is none ``until`` then, or another transaction came first."""
        while True:
            try:
                used = await self._rpc.nonce(self.address, "latest") > bids[-1].nonce
                for bid in reversed(bids):
                    receipt = await self._rpc.receipt(bid.hash)
                    if receipt is not None:
                        return receipt
                if used:
                    return None
            except WalletError as error:
                log.info("waiting for %s: %s", bids[-1].hash.hex(), error)
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(self._poll)


def _raised(quote: Quote, ceiling: int) -> Quote:
    """An eighth more of each, and at least a wei, but no more than ``ceiling``."""
    times, of = RAISE
    fee, tip = (value * times // of + 1 for value in (quote.max_fee_per_gas, quote.tip))
    return Quote(quote.gas_limit, min(fee, ceiling), min(tip, fee, ceiling))


def _is_underpriced(error: WalletError) -> bool:
    message = str(error.params.get("message", "")).lower()
    return error.code == "RPC_ERROR" and any(sign in message for sign in _UNDERPRICED)
