"""Market data of one broker as we hold it: for the screen only, never for validation.

A gap, a bad checksum or a broken connection empties the copy and asks for a new snapshot; silence makes it stale.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from wallet.market.candles import Candle, Candles
from wallet.market.depth import Delta, Snapshot
from wallet.market.replica import BookReplica
from wallet.market.trades import Tape, Trade
from wallet.protocol.errors import WalletError
from wallet.session.alarms import Alarms
from wallet.wire import market_messages as messages
from wallet.wire import methods
from wallet.wire.frames import Frame
from wallet.wire.peer import Peer

log = logging.getLogger(__name__)

Pair = tuple[bytes, bytes]
SILENCE = 5.0  # seconds without a word about a market after which it is stale
CANDLES = 500
DEPTH = 50


class MarketCopy:
    """Book, tape and candles of one market; ``updated`` is Unix time of the last word about it."""

    def __init__(self, pair: Pair, interval: int) -> None:
        self.pair = pair
        self.book = BookReplica()
        self.tape = Tape()
        self.candles = Candles(interval)
        self.updated = 0.0
        self.changed = True
        self.shown_stale = True

    @property
    def stale(self) -> bool:
        return self.book.problem is not None or time.time() - self.updated > SILENCE


class MarketFeed:
    """The markets somebody looks at, over whatever connection there is."""

    def __init__(self, changed: Callable[[], None], alarms: Alarms) -> None:
        self.markets: dict[Pair, MarketCopy] = {}
        self._changed = changed
        self._peer: Peer | None = None
        self._alarms = alarms
        self._refreshing: set[Pair] = set()

    def hear(self, peer: Peer) -> None:
        """Take what a new connection will tell about the markets."""
        methods.hear(peer, methods.DEPTH, self._on_depth)
        methods.hear(peer, methods.TRADE, self._on_trade)
        methods.hear(peer, methods.MARKET_BEAT, self._on_beat)

    def watch(self, pair: Pair, interval: int) -> MarketCopy:
        """Follow a market with candles of ``interval`` seconds."""
        known = self.markets.get(pair)
        if known is not None and known.candles.interval == interval:
            return known
        copy = known or MarketCopy(pair, interval)
        if known is not None:
            copy.candles = Candles(interval)
        self.markets[pair] = copy
        self._refresh(pair)
        return copy

    def attach(self, peer: Peer) -> None:
        """Follow all markets on a new connection."""
        self._peer = peer
        for pair in self.markets:
            self._refresh(pair)

    def lost(self) -> None:
        """The connection broke: nothing is shown as current."""
        self._peer = None
        for market in self.markets.values():
            market.book.lose()
            market.changed = True

    def _refresh(self, pair: Pair) -> None:
        if self._peer is None or pair in self._refreshing:
            return
        self._refreshing.add(pair)
        self._alarms.watch("market data", self._load(self._peer, pair), endless=False)

    async def _load(self, peer: Peer, pair: Pair) -> None:
        """Snapshot and candles. Deltas that arrive before the snapshot are skipped by its sequence number."""
        copy = self.markets.get(pair)
        if copy is None:
            self._refreshing.discard(pair)
            return
        interval = copy.candles.interval
        try:
            found = await methods.ask(peer, methods.SUBSCRIBE, messages.Subscribe(pair, DEPTH), 10)
            copy.book.load(_snapshot(found.snapshot))
            copy.tape.add(map(_trade, found.trades))
            wanted = messages.CandlesRequest(pair, interval, CANDLES)
            answer = await methods.ask(peer, methods.CANDLES, wanted, 10)
            if copy.candles.interval == interval:
                copy.candles.load(Candle(*row) for row in answer.candles)
            self._touch(copy)
        except WalletError as error:
            log.info("market data: %s", error)
        finally:
            self._refreshing.discard(pair)
        if copy.candles.interval != interval and peer is self._peer:
            self._refresh(pair)  # the interval was changed meanwhile

    def _on_depth(self, news: messages.Depth, frame: Frame) -> None:
        copy = self.markets.get(news.market)
        if copy is None:
            return
        delta = Delta(news.prev_seq, news.seq, news.bids, news.asks, news.checksum)
        if copy.book.apply(delta) is not None:
            self._refresh(news.market)
        self._touch(copy)

    def _on_trade(self, news: messages.Trades, frame: Frame) -> None:
        copy = self.markets.get(news.market)
        if copy is None:
            return
        for trade in copy.tape.add(map(_trade, news.trades)):
            copy.candles.add(trade)
        self._touch(copy)

    def _on_beat(self, news: messages.MarketBeat, frame: Frame) -> None:
        copy = self.markets.get(news.market)
        if copy is not None:
            copy.updated = time.time()

    def _touch(self, copy: MarketCopy) -> None:
        copy.updated = time.time()
        copy.changed = True
        self._changed()


def _snapshot(message: messages.Snapshot) -> Snapshot:
    return Snapshot(message.seq, message.bids, message.asks, message.checksum)


def _trade(row: messages.Trade) -> Trade:
    return Trade(row.id, row.time_ms, int(row.side), row.price, row.amount)
