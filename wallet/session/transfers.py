"""Sending from the owner's accounts: prepared as bytes to be shown, then signed exactly as shown, kept, and sent.

Between the two nothing is held here: what a person said yes to is the bytes, and these are checked again when they
come back. A transaction that is stuck is replaced at its own nonce, by the same call with a higher bid, or by one that
moves nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from wallet.chain import fees, token
from wallet.chain.calls import Call, transfer
from wallet.chain.envelope import Envelope, read_signed, read_unsigned
from wallet.chain.fees import Price, Speed
from wallet.chain.records import FeeHistory
from wallet.chain.rpc import Rpc
from wallet.chain.tx import FeePolicy, Outgoing, Quote, Sender, TransactionSigner
from wallet.protocol.addresses import NOBODY, show_address
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.session.outbox import Kept, Outbox

SEND, CANCEL = "send", "cancel"  # purposes, as the outbox keeps them
PLAIN = 21_000  # gas of a payment to who has no code; it can't take more
_MARGIN = (5, 4)
# A node that was not reached for a moment: the bytes are kept, and leave again by themselves.
_LATER = frozenset(("RPC_UNREACHABLE", "RPC_TIMEOUT", "RPC_HTTP"))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A transaction nobody has signed. ``to`` and ``amount`` are the recipient's, of a token's transfer too."""

    sender: bytes
    envelope: Envelope
    asset: bytes
    to: bytes
    amount: int
    have: int  # of the asset, base units
    coin: int  # wei the sender has
    contract: bool  # whether code answers at the recipient's address
    replaces: bytes = b""  # the hash of what it takes the place of


class Transfers:
    """Of one chain. Belongs to one asyncio loop."""

    def __init__(self, rpc: Rpc, chain_id: int, outbox: Outbox, turn: asyncio.Lock, policy: FeePolicy | None = None):
        """``turn`` is shared by all that send from the owner's accounts to this chain."""
        self._rpc = rpc
        self._chain_id = chain_id
        self._outbox = outbox
        self._turn = turn
        self._policy = policy or FeePolicy()
        self._replacing = asyncio.Lock()

    # --- what it would cost ---

    async def prices(self) -> dict[Speed, Price]:
        """What each speed bids now. Raises WalletError("RPC_…")."""
        suggested = await self._rpc.priority_fee()
        try:
            history = await self._rpc.fee_history(fees.BLOCKS, fees.SHARES)
        except WalletError as error:
            if error.code != "RPC_ERROR":
                raise
            history = FeeHistory((await self._base_fee(),), ())  # a node without that method: its own word, then
        return fees.prices(history, suggested, self._policy)

    async def _base_fee(self) -> int:
        """Wei per gas that the next block may ask: an eighth more than the last."""
        block = await self._rpc.block("latest")
        if block is None:
            raise WalletError("RPC_BAD_REPLY", method="eth_getBlockByNumber", reason="no latest block")
        return block.base_fee * 9 // 8

    # --- preparing ---

    async def prepare(self, sender: bytes, to: bytes, asset: bytes, amount: int | None, speed: Speed) -> Prepared:
        """The bytes of a payment; ``amount`` None: all there is, less what the network may take of the native coin.

        Raises WalletError: CHAIN_WRONG_ID, ADDRESS_NOBODY, ADDRESS_TOKEN, TX_NOTHING, TX_SHORT, TX_SHORT_FEE,
        TOKEN_…, TX_FEE_TOO_HIGH, TX_GAS_LIMIT, RPC_REVERTED and the other RPC_… .
        """
        await self._check_chain()
        if to == NOBODY:
            raise WalletError("ADDRESS_NOBODY")
        if to == asset:
            raise WalletError("ADDRESS_TOKEN", address=show_address(to))
        price = (await self.prices())[speed]
        coin = await self._rpc.balance(sender)
        contract = bool(await self._rpc.code(to))
        make = self._coins if asset == NATIVE else self._tokens
        call, amount, bid, have = await make(sender, to, asset, amount, price, coin)
        nonce = await self._next_nonce(sender)
        return Prepared(sender, self._envelope(call, nonce, bid), asset, to, amount, have, coin, contract)

    async def _coins(
        self, sender: bytes, to: bytes, asset: bytes, amount: int | None, price: Price, coin: int
    ) -> tuple[Call, int, Quote, int]:
        if amount is not None and (amount == 0 or amount > coin):
            raise _short(asset, coin, amount)
        gas = await self._gas(Call(to, b"", 0 if amount is None else amount), sender)
        bid = fees.quote(price, gas, self._policy)
        if amount is None:
            amount = coin - bid.max_cost
        if amount <= 0 or amount + bid.max_cost > coin:
            raise WalletError("TX_SHORT_FEE", have=coin, need=max(amount, 0) + bid.max_cost, fee=bid.max_cost)
        return Call(to, b"", amount), amount, bid, coin

    async def _tokens(
        self, sender: bytes, to: bytes, asset: bytes, amount: int | None, price: Price, coin: int
    ) -> tuple[Call, int, Quote, int]:
        have = await token.balance(self._rpc, asset, sender)
        amount = have if amount is None else amount
        if amount == 0 or amount > have:
            raise _short(asset, have, amount)
        await token.check_transfer(self._rpc, asset, sender, to, amount)
        call = transfer(asset, to, amount)
        bid = fees.quote(price, await self._gas(call, sender), self._policy)
        if bid.max_cost > coin:
            raise WalletError("TX_SHORT_FEE", have=coin, need=bid.max_cost, fee=bid.max_cost)
        return call, amount, bid, have

    async def _gas(self, call: Call, sender: bytes) -> int:
        found = await self._rpc.estimate_gas(call.to, call.data, call.value, sender)
        times, of = _MARGIN
        return found if found <= PLAIN and not call.data else found * times // of

    async def replace(self, digest: bytes, speed: Speed, *, cancel: bool) -> Prepared:
        """The same call at the same nonce with a higher bid; with ``cancel`` one that moves nothing instead.

        What belongs to a session can be sped up only: taken away, it would leave both sides waiting for it.
        Raises WalletError: TX_UNKNOWN, TX_OVER, TX_OF_SESSION, TX_FEE_TOO_HIGH, TX_SHORT_FEE, RPC_….
        """
        await self._check_chain()
        stuck = self._outbox.find(digest)
        if stuck is None:
            raise WalletError("TX_UNKNOWN", hash="0x" + digest.hex())
        if not stuck.waits or await self._rpc.nonce(stuck.sender, "latest") > stuck.envelope.nonce:
            raise WalletError("TX_OVER", hash="0x" + digest.hex())
        if cancel and stuck.purpose not in (SEND, CANCEL):
            raise WalletError("TX_OF_SESSION")
        before = _highest(self._rivals(stuck.sender, stuck.envelope.nonce))
        call = Call(stuck.sender, b"") if cancel else stuck.envelope.call
        gas = PLAIN if cancel else stuck.envelope.gas_limit
        bid = fees.raised(replace(before, gas_limit=gas), (await self.prices())[speed], self._policy)
        coin = await self._rpc.balance(stuck.sender)
        if call.value + bid.max_cost > coin:
            raise WalletError("TX_SHORT_FEE", have=coin, need=call.value + bid.max_cost, fee=bid.max_cost)
        envelope = self._envelope(call, stuck.envelope.nonce, bid)
        return Prepared(
            stuck.sender, envelope, NATIVE, call.to, call.value, coin, coin, contract=False, replaces=digest
        )

    # --- sending what was said yes to ---

    async def send(self, unsigned: bytes, signer: TransactionSigner) -> Outgoing:
        """Signs exactly these bytes, keeps them, and sends them.

        A node that can't be reached is no error: the bytes are kept and leave again by themselves. Raises WalletError:
        TX_FORM, CHAIN_WRONG_ID, TX_STALE (something else was sent meanwhile: prepare it anew), TX_UNDERPRICED,
        TX_FEE_TOO_HIGH, KEYS_…, RPC_….
        """
        envelope = read_unsigned(unsigned)
        self._check_caps(envelope)
        if envelope.chain_id != self._chain_id:
            raise WalletError("CHAIN_WRONG_ID", expected=self._chain_id, got=envelope.chain_id, node=self._rpc.node)
        await self._check_chain()
        # What takes the place of another must not wait for it: a session's own transaction holds the turn meanwhile.
        replacing = bool(self._rivals(signer.address, envelope.nonce))
        async with self._replacing if replacing else self._turn:
            channel, purpose = await self._standing(envelope, signer.address)
            sender = Sender(self._rpc, self._chain_id, signer, _unsent)
            outgoing = sender.sign(envelope.call, envelope.nonce, _bid(envelope))
            if read_signed(outgoing.raw) != envelope:
                raise WalletError("KEYS_SIGNING_FAULT", address=show_address(signer.address))
            self._outbox.store_for(channel, purpose)(outgoing)
            try:
                await sender.resend(outgoing)
            except WalletError as error:
                if error.code not in _LATER:
                    raise
            return outgoing

    async def _standing(self, envelope: Envelope, sender: bytes) -> tuple[bytes, str]:
        """Channel and purpose it is kept under. Raises WalletError("TX_STALE" | "TX_UNDERPRICED" | "TX_OVER")."""
        rivals = self._rivals(sender, envelope.nonce)
        if not rivals:
            if envelope.nonce != await self._next_nonce(sender):
                raise WalletError("TX_STALE")
            return b"", SEND
        if await self._rpc.nonce(sender, "latest") > envelope.nonce:
            raise WalletError("TX_OVER", hash="0x" + rivals[-1].hash.hex())
        if not fees.replaces(_bid(envelope), _highest(rivals)):
            raise WalletError("TX_UNDERPRICED")
        same = next((row for row in rivals if row.envelope.call == envelope.call), None)
        if same is not None:
            return same.channel, same.purpose
        if envelope.call != Call(sender, b"") or any(row.purpose not in (SEND, CANCEL) for row in rivals):
            raise WalletError("TX_STALE")  # it would silently take the place of another
        return b"", CANCEL

    # --- small things ---

    async def _check_chain(self) -> None:
        chain_id = await self._rpc.chain_id()
        if chain_id != self._chain_id:
            raise WalletError("CHAIN_WRONG_ID", expected=self._chain_id, got=chain_id, node=self._rpc.node)

    def _check_caps(self, envelope: Envelope) -> None:
        policy = self._policy
        if envelope.max_fee_per_gas > policy.max_fee_per_gas or envelope.max_cost > policy.max_cost:
            raise WalletError("TX_FEE_TOO_HIGH", fee=envelope.max_fee_per_gas, limit=policy.max_fee_per_gas)
        if envelope.gas_limit > policy.max_gas:
            raise WalletError("TX_GAS_LIMIT", got=envelope.gas_limit, limit=policy.max_gas)

    async def _next_nonce(self, sender: bytes) -> int:
        """After what the node counts, and after what waits here, whether the node has it or lost it."""
        found = await self._rpc.nonce(sender, "pending")
        taken = {row.envelope.nonce for row in self._outbox.waiting(sender)}
        while found in taken:
            found += 1
        return found

    def _rivals(self, sender: bytes, nonce: int) -> list[Kept]:
        return [row for row in self._outbox.waiting(sender) if row.envelope.nonce == nonce]

    def _envelope(self, call: Call, nonce: int, bid: Quote) -> Envelope:
        return Envelope(
            self._chain_id, nonce, bid.tip, bid.max_fee_per_gas, bid.gas_limit, call.to, call.value, call.data
        )


def _bid(envelope: Envelope) -> Quote:
    return Quote(envelope.gas_limit, envelope.max_fee_per_gas, envelope.tip)


def _highest(rows: list[Kept]) -> Quote:
    """What a replacement of all of them has to beat."""
    bids = [_bid(row.envelope) for row in rows]
    return Quote(bids[-1].gas_limit, max(bid.max_fee_per_gas for bid in bids), max(bid.tip for bid in bids))


def _short(asset: bytes, have: int, amount: int) -> WalletError:
    return WalletError("TX_SHORT", asset=asset, have=have, need=amount) if amount else WalletError("TX_NOTHING")


def _unsent(_: Outgoing) -> None:
    """The outbox keeps it; the sender here only signs and sends."""
