"""The broker's real eyes and hands on chain, over :mod:`wallet.chain`.

Watches the adjudicator's events for its channels; keeps collateral deposited and its signer's mandate up; answers
challenges. What it decides from an opening waits for confirmations; a dispute is acted on as soon as it is seen.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from wallet.broker.chain_watch import ChainView, Proof, Standing
from wallet.chain.calls import Validation
from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.events import Challenged, Closed, Opened, Responded, Settled
from wallet.chain.tx import Outgoing, Sender
from wallet.history.store import Store
from wallet.protocol.errors import WalletError

MANDATE = 365 * 86_400  # seconds for which a mandate is given
REMIND = 10.0  # seconds between two reminders of a dispute
RESTOCK = 60.0  # seconds between two looks at the collateral
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
        poll: float = 1.0,
    ) -> None:
        """``sender`` sends as the broker's owner; ``signer`` is the address it authorizes.

        ``stock``: base units by asset that are kept free and authorized as collateral, out of the owner's account.
        """
        self._adjudicator = adjudicator
        self._sender = sender
        self._signer = signer
        self._confirmations = confirmations
        self._stock = dict(stock or {})
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
        self._scanned = await self._adjudicator.rpc.block_number()
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

    async def refresh(self, channels: Iterable[bytes]) -> None:
        head = await self._adjudicator.rpc.block_number()
        for channel in channels:
            await self._look(channel, head)

    # --- looking -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._poll)
            try:
                await self._turn()
            except WalletError as error:
                _log.warning("the chain can't be asked: %s", error)

    async def _turn(self) -> None:
        head = await self._adjudicator.rpc.block_number()
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
        for channel in touched:
            await self._look(channel, head)
        await self._remind()
        if time.monotonic() - self._stocked > RESTOCK:
            await self.restock()

    async def _look(self, channel: bytes, head: int) -> None:
        """Reads one channel, and tells if that is news."""
        if channel not in self._watched:
            return
        found = await self._adjudicator.channel(channel)
        view = _view(found)
        if channel not in self._watched:
            return
        if view.standing is Standing.OPEN and self._watched[channel].standing is Standing.NONE:
            seen = self._unconfirmed.setdefault(channel, head)
            if head - seen + 1 < self._confirmations:
                return
        self._unconfirmed.pop(channel, None)
        if self._watched[channel] != view:
            self._watched[channel] = view
            self._changed(channel, view)

    async def _remind(self) -> None:
        """A dispute stays news until it is over: deadlines pass without an event."""
        if time.monotonic() - self._reminded < REMIND:
            return
        self._reminded = time.monotonic()
        for channel, view in list(self._watched.items()):
            if view.standing is Standing.DISPUTED:
                self._changed(channel, view)

    # --- money ---------------------------------------------------------------------------------------------------

    async def free(self, assets: Iterable[bytes]) -> Mapping[bytes, int]:
        found = {}
        for asset in assets:
            balance = await self._adjudicator.free_balance(self._sender.address, asset)
            found[asset] = min(balance, await self._headroom(asset))
        return found

    async def restock(self) -> None:
        """Deposits what is lacking of each stocked asset and renews the signer's mandate for it."""
        self._stocked = time.monotonic()
        for asset, wanted in self._stock.items():
            lacking = wanted - await self._adjudicator.free_balance(self._sender.address, asset)
            if lacking > 0:
                await self._adjudicator.deposit(self._sender, asset, lacking)
            if await self._headroom(asset) < wanted:
                until = int(time.time()) + MANDATE
                await self._adjudicator.authorize(self._sender, self._signer, asset, wanted, until)

    async def _headroom(self, asset: bytes) -> int:
        mandate = await self._adjudicator.authorization(self._sender.address, self._signer, asset)
        return max(mandate.cap - mandate.used, 0) if mandate.until > time.time() else 0

    # --- acting --------------------------------------------------------------------------------------------------

    async def respond(self, proof: Proof) -> None:
        await self._adjudicator.respond(self._sender, proof.terms, proof.state, _validation(proof))

    async def close(self, proof: Proof) -> None:
        await self._adjudicator.close(
            self._sender, proof.terms, proof.state, proof.trader_signature, proof.broker_signature
        )

    async def settle(self, proof: Proof) -> None:
        await self._adjudicator.settle(self._sender, proof.terms, proof.state.outcomes)


def _view(found: OnChain) -> ChainView:
    return ChainView(_STANDINGS[found.status], found.increment, found.deadline)


def _validation(proof: Proof) -> Validation:
    return Validation(proof.trader_signature, proof.broker_signature)
