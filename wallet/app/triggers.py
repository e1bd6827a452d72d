"""Stop-loss and take-profit at work: kept in the journal, judged by the broker's book, sent as orders.

The rules are :mod:`wallet.session.triggers`. Here are the clock, the feed and the disk: what is armed is on disk before
anybody is told that it is; what fires goes the way of every order, under the name that was made with it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

from wallet.app.snapshots import MarketInfo, TriggerView
from wallet.market.protection import protection
from wallet.protocol.errors import WalletError
from wallet.session import triggers as rules
from wallet.session.channel import TraderChannel
from wallet.session.phases import Phase
from wallet.session.triggers import FAILED, FIRED, ID_BYTES, KINDS, SIDES, Judge, Quote, Trigger

if TYPE_CHECKING:
    from wallet.app.account import Account

FACT = "triggers"
LOOK = 0.25  # seconds between two looks at the book while one is armed
OVERVIEW = 60  # seconds of a candle, of a market that is followed for a trigger alone
MAX_CAP = 100_000  # ppm of slippage that a trigger may accept: what no user looks at is bounded
# What no later moment mends: the order breaks a rule. Anything else that keeps it from being signed leaves it armed.
_BROKEN = ("ORD-", "AST-", "BAL-")


class Triggers:
    """Those of one account's channels. Belongs to the account's loop."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._rows: dict[bytes, tuple[Trigger, ...]] = {}
        self._broken: dict[bytes, WalletError] = {}  # by channel: what is on disk can't be read
        self._firing: set[bytes] = set()
        self._judge = Judge()
        self._wake = asyncio.Event()

    # --- what the user asks ---

    def add(self, channel: bytes | None, market: str, side: str, kind: str, at: int, amount: int, cap: int) -> bytes:
        """Arms one; its id. Raises WalletError("TRIGGER_FORM" | "TRIGGER_LIMIT" | "ORD-TICK" | "ORD-LOT"), or as
        placing an order does where none could be placed now.
        """
        account = self._account
        account.require_trading()
        found, info = account.open_channel_or_refuse(channel), account.market(market)
        if side not in SIDES or kind not in KINDS or not 0 <= cap <= MAX_CAP or at <= 0 or amount <= 0:
            raise WalletError("TRIGGER_FORM")
        if at % info.tick_size:
            raise WalletError("ORD-TICK", expected=info.tick_size, got=at)
        if amount % info.lot_size:
            raise WalletError("ORD-LOT", expected=info.lot_size, got=amount)
        new = Trigger(
            secrets.token_bytes(ID_BYTES),
            info.base.address,
            info.quote.address,
            side,
            kind,
            at,
            amount,
            cap,
            int(time.time()),
        )
        self._keep(found, rules.added(self._sound(found), new))
        self._wake.set()
        return new.id

    def cancel(self, trigger: bytes) -> None:
        """Takes one back, or puts one that failed out of sight. Raises WalletError("TRIGGER_GONE")."""
        for channel in self._account.channels:
            for row in self.rows(channel):
                if row.id == trigger and row.status != FIRED and trigger not in self._firing:
                    self._drop(channel, {trigger})
                    return
        raise WalletError("TRIGGER_GONE")

    def cancel_all(self, channel: TraderChannel, pair: tuple[bytes, bytes] | None = None) -> int:
        """Every armed one of a channel, or of one of its markets; how many."""
        gone = {
            row.id
            for row in rules.armed(self.rows(channel))
            if row.id not in self._firing and pair in (None, (row.base, row.quote))
        }
        if gone:
            self._drop(channel, gone)
        return len(gone)

    def holds(self, trigger: bytes) -> bool:
        """Whether it is one of this account's."""
        return any(row.id == trigger for channel in self._account.channels for row in self.rows(channel))

    # --- what is kept ---

    def rows(self, channel: TraderChannel) -> tuple[Trigger, ...]:
        """Those of a channel, oldest first; none where they can't be read (an alarm says so)."""
        if channel.id not in self._rows:
            self._load(channel)
        return self._rows[channel.id]

    def views(self, channel: TraderChannel) -> tuple[TriggerView, ...]:
        """What a screen shows: those that wait, and those that failed and were not put out of sight."""
        if Phase(channel.record.phase) is not Phase.OPEN:
            return ()
        return tuple(
            TriggerView(
                row.id,
                self._account.names.market_name(row.base, row.quote),
                row.side,
                row.kind,
                row.at,
                row.amount,
                row.cap,
                row.created,
                failed=row.status == FAILED,
                reason=row.reason,
            )
            for row in self.rows(channel)
            if row.status != FIRED
        )

    def _load(self, channel: TraderChannel) -> None:
        """From disk. One whose order was signed before the program ended has fired, whatever was written of it."""
        rows: tuple[Trigger, ...] = ()
        try:
            rows = rules.load(self._account.journal.fact(channel.id, FACT))
        except WalletError as error:
            self._broken[channel.id] = error
            self._account.alarms.sound("triggers", error)
        for row in rules.armed(rows):
            if channel.requests.by_client(row.client_id) is not None:
                rows = rules.settled(rows, row.id, FIRED)
        self._rows[channel.id] = rows

    def _sound(self, channel: TraderChannel) -> tuple[Trigger, ...]:
        rows = self.rows(channel)
        if channel.id in self._broken:
            raise self._broken[channel.id]
        return rows

    def _keep(self, channel: TraderChannel, rows: tuple[Trigger, ...]) -> None:
        self._account.journal.set_fact(channel.id, FACT, rules.dump(rows))
        self._rows[channel.id] = rows
        self._account.changed()

    def _drop(self, channel: TraderChannel, gone: set[bytes]) -> None:
        self._keep(channel, tuple(row for row in self._sound(channel) if row.id not in gone))
        for trigger in gone:
            self._judge.forget(trigger)

    # --- at work ---

    async def run(self) -> None:
        """Looks at the book while one is armed, for ever."""
        while True:
            self._wake.clear()
            if not self._look():
                await self._wake.wait()
            await asyncio.sleep(LOOK)

    def _look(self) -> bool:
        """Sets off what is due; whether any is armed."""
        waiting = False
        for channel in self._account.channels:
            for row in rules.armed(self.rows(channel)):
                waiting = True
                if row.id in self._firing or not self._may_trade(channel):
                    self._judge.forget(row.id)
                    continue
                quote = self._quote(row)
                if self._judge.due(row, quote) and quote is not None:
                    self._firing.add(row.id)
                    self._account.alarms.watch("a trigger", self._fire(channel, row, quote), endless=False)
        return waiting

    def _may_trade(self, channel: TraderChannel) -> bool:
        account = self._account
        here = Phase(channel.record.phase) is Phase.OPEN and channel.frozen is None and not channel.restored
        return here and not account.stopped and not account.chain.departures.due(channel) and account.link.live.online

    def _quote(self, row: Trigger) -> Quote | None:
        """The book's best prices, if the copy is whole, fresh and has both sides."""
        feed = self._account.link.feed
        copy = feed.markets.get((row.base, row.quote)) or feed.watch((row.base, row.quote), OVERVIEW)
        bid, ask = copy.book.best_bid, copy.book.best_ask
        return None if copy.stale or bid is None or ask is None else Quote(bid, ask, copy.updated)

    async def _fire(self, channel: TraderChannel, row: Trigger, quote: Quote) -> None:
        info = self._market(row)
        reason = ""
        try:
            if info is None:
                raise WalletError("ORD-MARKET")
            price = protection(info.tick_size, quote.taken_by(row.side), row.side, row.cap)
            await self._account.place_order(
                info.name, row.side, price, row.amount, "immediate_or_cancel", channel.id, row.client_id
            )
        except WalletError as error:
            reason = error.code
        finally:
            self._firing.discard(row.id)
            self._judge.forget(row.id)
        if channel.requests.by_client(row.client_id) is not None:  # signed: its row among the orders says the rest
            self._settle(channel, row, FIRED)
        elif reason.startswith(_BROKEN):
            self._settle(channel, row, FAILED, reason)

    def _settle(self, channel: TraderChannel, row: Trigger, status: str, reason: str = "") -> None:
        self._keep(channel, rules.settled(self._sound(channel), row.id, status, reason))

    def _market(self, row: Trigger) -> MarketInfo | None:
        found = (row.base, row.quote)
        return next(
            (one for one in self._account.names.markets if (one.base.address, one.quote.address) == found), None
        )
