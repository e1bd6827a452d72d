"""The broker's real eyes and hands on chain, over :mod:`wallet.chain`.

Watches the adjudicator's events for its channels; keeps collateral deposited and its signer's mandate up; answers
challenges. What it decides from an opening waits for confirmations; a dispute is acted on as soon as it is seen.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from wallet.broker.chain_watch import ChainView, Proof, Standing
from wallet.broker.config import Token
from wallet.chain import calls, token
from wallet.chain.calls import Call, Validation
from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.events import Challenged, Closed, Opened, Responded, Settled
from wallet.chain.tx import Outgoing, Sender
from wallet.chain.urgent import UrgentSender
from wallet.history.store import Store
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE

MANDATE = 365 * 86_400  # seconds for which a mandate is given
REMIND = 10.0  # seconds between two reminders of a dispute
RESTOCK = 60.0  # seconds between two looks at the collateral, and at all channels
ATTEMPT = 90.0  # seconds one urgent transaction is insisted on before everything is looked at anew
STALE = 900  # seconds without a block
RESERVE_GAS = 2_000_000  # gas that the owner's account keeps for deposits and mandates
ANSWER_GAS = 5_000_000  # gas the gas account is kept provided for: some dozen answers, and settling them
RECORD_BLOCKS = 250_000  # how far back the record of a dispute is looked for
_KINDS = (Opened, Challenged, Responded, Closed, Settled)
_STANDINGS = {
    Status.NONE: Standing.NONE,
    Status.OPEN: Standing.OPEN,
    Status.DISPUTED: Standing.DISPUTED,
    Status.SETTLED: Standing.SETTLED,
}

_log = logging.getLogger("wallet.broker")


class OutgoingLog:
    """Every transaction before it is sent, on disk: after a crash it can be sent again as it is."""

    SCHEMA = """
    CREATE TABLE outgoing (hash BLOB PRIMARY KEY, raw BLOB NOT NULL, nonce INTEGER NOT NULL, time INTEGER NOT NULL)
    WITHOUT ROWID
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path, self.SCHEMA, 1)

    def __call__(self, outgoing: Outgoing) -> None:
        self._store.execute(
            "INSERT OR IGNORE INTO outgoing VALUES (?, ?, ?, ?)",
            (outgoing.hash, outgoing.raw, outgoing.nonce, int(time.time())),
        )

    def close(self) -> None:
        self._store.close()


class AdjudicatorWatch:
    """A :class:`wallet.broker.chain_watch.ChainWatch` on one adjudicator."""

    def __init__(
        self,
        adjudicator: Adjudicator,
        sender: Sender,
        signer: bytes,
        *,
        confirmations: int,
        stock: Mapping[bytes, int] | None = None,
        tokens: Iterable[Token] = (),
        urgent: UrgentSender | None = None,
        poll: float = 1.0,
    ) -> None:
        """``sender`` sends as the broker's owner; ``signer`` is the address it authorizes.

        ``stock``: base units by asset that are kept free and authorized as collateral, out of the owner's account, as
        far as that goes; ``tokens`` says how their amounts are written. ``urgent``: sends what a dispute calls for,
        from an account of its own that the owner's provides for; without it the owner's account does that too.
        """
        self._adjudicator = adjudicator
        self._sender = sender
        self._signer = signer
        self._confirmations = confirmations
        self._stock = dict(stock or {})
        self._tokens = {row.address: row for row in tokens}
        self._urgent = urgent
        self.bound: Callable[[bytes], int | None] = lambda _: None  # the most of an asset that should be free
        self.problems: dict[str, WalletError] = {}  # what its owner must see to, by what it is about
        self._now = 0  # time of the last block seen
        self._poll = poll
        self._changed: Callable[[bytes, ChainView], None] = lambda _, __: None
        self._watched: dict[bytes, ChainView] = {}
        self._unconfirmed: dict[bytes, int] = {}  # block in which an opening was first seen
        self._scanned = 0
        self._reminded = self._stocked = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self, changed: Callable[[bytes, ChainView], None]) -> None:
        """Checks chain id and contract code, provides the collateral. Raises WalletError."""
        await self._adjudicator.check_deployment()
        self._changed = changed
        self._scanned = await self._head()
        await self.restock()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def watch(self, channel: bytes) -> None:
        self._watched.setdefault(channel, ChainView(Standing.NONE))

    def forget(self, channel: bytes) -> None:
        self._watched.pop(channel, None)
        self._unconfirmed.pop(channel, None)

    @property
    def views(self) -> Mapping[bytes, ChainView]:
        """The watched channels as they were last seen."""
        return self._watched

    async def refresh(self, channels: Iterable[bytes]) -> None:
        head = await self._head()
        for channel in channels:
            await self._look(channel, head)

    async def _head(self) -> int:
        """The last block's number; its time is remembered."""
        block = await self._adjudicator.rpc.block("latest")
        if block is None:
            raise WalletError("RPC_BAD_REPLY", method="eth_getBlockByNumber", reason="no latest block")
        self._now = block.time
        minutes = (int(time.time()) - block.time) // 60
        if minutes * 60 > STALE:
            self.problems["chain"] = WalletError("OPERATOR_CHAIN_STALE", minutes=minutes)
        else:
            self.problems.pop("chain", None)
        return block.number

    # --- looking -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._poll)
            try:
                await self._turn()
            except WalletError as error:
                self.problems["chain"] = error
                _log.warning("the chain can't be asked: %s", error)

    async def _turn(self) -> None:
        head = await self._head()
        touched = set(self._unconfirmed)
        if head != self._scanned:
            first = max(min(self._scanned, head) - self._confirmations, 0)  # what a reorganisation may have changed
            async for event in self._adjudicator.events(first, head, _KINDS):
                if (
                    isinstance(event, (Opened, Challenged, Responded, Closed, Settled))
                    and event.channel in self._watched
                ):
                    touched.add(event.channel)
                    if isinstance(event, Opened):
                        self._unconfirmed.setdefault(event.channel, event.log.block_number)
            self._scanned = head
        restocking = time.monotonic() - self._stocked > RESTOCK
        if restocking:
            touched.update(self._watched)  # an event that a node kept from us is no excuse
        for channel in touched:
            await self._look(channel, head)
        await self._remind()
        if restocking:
            await self.restock()

    async def _look(self, channel: bytes, head: int) -> None:
        """Reads one channel, and tells if that is news."""
        if channel not in self._watched:
            return
        found = await self._adjudicator.channel(channel)
        view = replace(_view(found), time=self._now)
        if channel not in self._watched:
            return
        if view.standing is Standing.OPEN and self._watched[channel].standing is Standing.NONE:
            seen = self._unconfirmed.setdefault(channel, head)
            if head - seen + 1 < self._confirmations:
                return
        self._unconfirmed.pop(channel, None)
        if self._watched[channel] != view:
            if view.standing in (Standing.OPEN, Standing.SETTLED):
                self._stocked = float("-inf")  # collateral went, or came back
            self._watched[channel] = view
            self._changed(channel, view)

    async def _remind(self) -> None:
        """A dispute stays news until it is over: deadlines pass without an event."""
        if time.monotonic() - self._reminded < REMIND:
            return
        self._reminded = time.monotonic()
        for channel, view in list(self._watched.items()):
            if view.standing is Standing.DISPUTED:
                self._changed(channel, replace(view, time=self._now))

    # --- money ---------------------------------------------------------------------------------------------------

    async def free(self, assets: Iterable[bytes]) -> Mapping[bytes, int]:
        found = {}
        for asset in assets:
            balance = await self._adjudicator.free_balance(self._sender.address, asset)
            found[asset] = min(balance, await self._headroom(asset))
        return found

    async def restock(self) -> None:
        """Deposits what is lacking of each stocked asset and renews the signer's mandate for it.

        What can't be had is a problem to be told of, and no reason to stop: disputes have to be answered without it.
        """
        self._stocked = time.monotonic()
        await self._attempt("gas", self._provide_gas())
        for asset, stocked in self._stock.items():
            bound = self.bound(asset)
            wanted = stocked if bound is None else max(min(stocked, bound), 0)
            await self._attempt(f"stock 0x{asset.hex()}", self._provide(asset, wanted))

    async def _attempt(self, what: str, work: Awaitable[None]) -> None:
        try:
            await work
        except WalletError as error:
            if what not in self.problems:
                _log.warning("%s: %s", what, error)
            self.problems[what] = error
        else:
            self.problems.pop(what, None)

    async def _provide(self, asset: bytes, wanted: int) -> None:
        owner, rpc = self._sender.address, self._adjudicator.rpc
        lacking = wanted - await self._adjudicator.free_balance(owner, asset)
        have = max(await token.balance(rpc, asset, owner) - await self._reserve(asset), 0)
        if lacking > 0 and have > 0:
            await self._adjudicator.deposit(self._sender, asset, min(lacking, have))
        if await self._headroom(asset) < wanted:
            until = int(time.time()) + MANDATE
            await self._adjudicator.authorize(self._sender, self._signer, asset, wanted, until)
        if lacking > have:
            known = self._tokens.get(asset, Token(asset, "0x" + asset.hex(), 0))
            raise WalletError(
                "OPERATOR_STOCK",
                symbol=known.symbol,
                lacking=format_amount(lacking - have, known.decimals),
                have=format_amount(have, known.decimals),
                account="0x" + owner.hex(),
            )

    async def _reserve(self, asset: bytes) -> int:
        return RESERVE_GAS * 2 * await self._adjudicator.rpc.gas_price() if asset == NATIVE else 0

    async def _provide_gas(self) -> None:
        """The gas account has what a dozen answers may cost at twice today's price, at least half of it."""
        if self._urgent is None:
            return
        wanted = 2 * ANSWER_GAS * await self._adjudicator.rpc.gas_price()
        lacking = wanted - await self._urgent.balance()
        if 2 * lacking > wanted:
            await self._sender.execute(Call(self._urgent.address, b"", lacking))

    async def _headroom(self, asset: bytes) -> int:
        mandate = await self._adjudicator.authorization(self._sender.address, self._signer, asset)
        return max(mandate.cap - mandate.used, 0) if mandate.until > time.time() else 0

    # --- acting --------------------------------------------------------------------------------------------------

    async def challenge(self, proof: Proof) -> None:
        """From the owner's account: only an owner may, or whom he has given a mandate."""
        await self._adjudicator.challenge(self._sender, proof.terms, proof.state, _validation(proof))

    async def respond(self, proof: Proof) -> None:
        await self._send(calls.respond(self._adjudicator.address, proof.terms, proof.state, _validation(proof)))

    async def close(self, proof: Proof) -> None:
        signatures = proof.trader_signature, proof.broker_signature
        await self._send(calls.close(self._adjudicator.address, proof.terms, proof.state, *signatures))

    async def settle(self, proof: Proof) -> None:
        channel, outcomes = proof.state.channel, proof.state.outcomes
        found = await self._adjudicator.channel(channel)
        if found.status is Status.DISPUTED and calls.outcomes_hash(outcomes) != found.outcomes_hash:
            last = await self._adjudicator.rpc.block_number()
            outcomes = await self._adjudicator.recorded_outcomes(channel, max(0, last - RECORD_BLOCKS), last)
        await self._send(calls.settle(self._adjudicator.address, proof.terms, outcomes))

    async def _send(self, call: Call) -> None:
        """What anyone may send goes from the gas account, where it takes the place of whatever waits there."""
        if self._urgent is None:
            await self._sender.execute(call)
        else:
            await self._urgent.execute(call, ATTEMPT)


def _view(found: OnChain) -> ChainView:
    return ChainView(_STANDINGS[found.status], found.increment, found.deadline)


def _validation(proof: Proof) -> Validation:
    return Validation(proof.trader_signature, proof.broker_signature)
