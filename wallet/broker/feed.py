"""Market data for everyone who asks: depth as snapshot and deltas, trades, candles, a heartbeat.

What happens between two frames is told as one delta of absolute quantities, so that a busy market costs no more than
a quiet one. Every subscriber of one depth gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from wallet.broker.book import Book
from wallet.broker.config import MarketConfig, Token
from wallet.broker.errors import refused
from wallet.broker.exposure import Pair
from wallet.broker.ledger import Ledger
from wallet.market.candles import KEPT, CandleSet
from wallet.market.depth import PriceLevel, checksum, difference
from wallet.market.trades import Tape, Trade
from wallet.protocol.state import Side
from wallet.wire import market_messages as wire
from wallet.wire.forms import Message
from wallet.wire.methods import DEPTH, MARKET_BEAT, TRADE, News, tell
from wallet.wire.peer import Peer

DEPTHS = (10, 25, 50, 100, 200)
HISTORY = 50_000  # trades that candles are made of at the start
SHOWN_TRADES = 100
Levels = tuple[PriceLevel, ...]
M = TypeVar("M", bound=Message)


@dataclass(slots=True)
class _View:
    """One depth of one market as its subscribers know it."""

    seq: int = 0
    bids: Levels = ()
    asks: Levels = ()
    peers: set[Peer] = field(default_factory=set)


class Feed:
    """The market data of all markets."""

    def __init__(
        self,
        markets: Iterable[MarketConfig],
        tokens: Iterable[Token],
        books: dict[Pair, Book],
        ledger: Ledger,
        now: Callable[[], float],
        deepest: int = DEPTHS[-1],
    ) -> None:
        self._markets = {market.pair: market for market in markets}
        self._tokens = {token.address: token for token in tokens}
        self._books = books
        self._now = now
        self._deepest = min(deepest, DEPTHS[-1])
        self._views: dict[Pair, dict[int, _View]] = {pair: {} for pair in self._markets}
        self._moved: set[Pair] = set()
        self._fresh: dict[Pair, list[Trade]] = {pair: [] for pair in self._markets}
        self._tapes = {pair: Tape() for pair in self._markets}
        self._candles = {pair: CandleSet() for pair in self._markets}
        for pair in self._markets:
            history = ledger.trades(pair, HISTORY)
            self._tapes[pair].add(history)
            self._candles[pair].add(history)

    # --- from the floor ---

    def moved(self, pair: Pair) -> None:
        self._moved.add(pair)

    def traded(self, pair: Pair, trade: Trade) -> None:
        self._tapes[pair].add((trade,))
        self._candles[pair].add((trade,))
        self._fresh[pair].append(trade)

    # --- to subscribers ---

    def frame(self) -> None:
        """Tell what changed since the last frame."""
        moved, self._moved = self._moved, set()
        for pair in moved:
            for levels, view in self._views[pair].items():
                self._tell_depth(pair, levels, view)
        for pair, trades in self._fresh.items():
            if trades:
                self._fresh[pair] = []
                self._tell_trades(pair, trades)

    def beat(self) -> None:
        """Once a second: the market is alive."""
        now = int(self._now())
        for pair, views in self._views.items():
            for view in views.values():
                _broadcast(view, MARKET_BEAT, wire.MarketBeat(pair, view.seq, now))

    def _tell_depth(self, pair: Pair, levels: int, view: _View) -> None:
        bids, asks = self._levels(pair, levels)
        changed = difference(view.bids, bids), difference(view.asks, asks)
        view.bids, view.asks = bids, asks
        if not any(changed):
            return
        message = wire.Depth(pair, view.seq, view.seq + 1, _wire(changed[0]), _wire(changed[1]), checksum(bids, asks))
        view.seq += 1
        _broadcast(view, DEPTH, message)

    def _tell_trades(self, pair: Pair, trades: list[Trade]) -> None:
        for start in range(0, len(trades), wire.MAX_TRADES):
            message = wire.Trades(pair, _wire_trades(trades[start : start + wire.MAX_TRADES]))
            for view in self._views[pair].values():
                _broadcast(view, TRADE, message)

    def _levels(self, pair: Pair, levels: int) -> tuple[Levels, Levels]:
        book = self._books[pair]
        return tuple(book.depth(Side.BUY, levels)), tuple(book.depth(Side.SELL, levels))

    # --- requests ---

    def instruments(self) -> wire.Instruments:
        return wire.Instruments(tuple(self._instrument(market) for market in self._markets.values()))

    def _instrument(self, market: MarketConfig) -> wire.Instrument:
        rules = market.rules
        base, quote = self._tokens[rules.base], self._tokens[rules.quote]
        return wire.Instrument(
            base=rules.base,
            quote=rules.quote,
            symbol=f"{base.symbol}/{quote.symbol}",
            base_symbol=base.symbol,
            quote_symbol=quote.symbol,
            base_decimals=base.decimals,
            quote_decimals=quote.decimals,
            unit=rules.unit,
            tick_size=rules.tick_size,
            lot_size=rules.lot_size,
            min_notional=rules.min_notional,
            maker_fee=market.maker_fee,
            taker_fee=market.taker_fee,
        )

    def subscribe(self, peer: Peer, pair: Pair, depth: int) -> wire.Subscribed:
        """The snapshot that the next delta follows; an earlier subscription of this market ends."""
        self._require(pair)
        self.unsubscribe(peer, pair)
        levels = next((step for step in DEPTHS if step >= depth), self._deepest)
        levels = min(levels, self._deepest)
        view = self._views[pair].get(levels)
        if view is None:
            view = self._views[pair][levels] = _View()
            view.bids, view.asks = self._levels(pair, levels)
        view.peers.add(peer)
        snapshot = wire.Snapshot(view.seq, _wire(view.bids), _wire(view.asks), checksum(view.bids, view.asks))
        waiting = len(self._fresh[pair])  # these are told in the next frame
        trades = self._tapes[pair].trades()
        return wire.Subscribed(snapshot, _wire_trades(trades[: len(trades) - waiting][-SHOWN_TRADES:]))

    def unsubscribe(self, peer: Peer, pair: Pair) -> None:
        self._require(pair)
        for view in self._views[pair].values():  # a view stays, so that its seq never goes back
            view.peers.discard(peer)

    def drop(self, peer: Peer) -> None:
        """The connection ended."""
        for pair in self._markets:
            self.unsubscribe(peer, pair)

    def candles(self, pair: Pair, interval: int, limit: int) -> wire.Candles:
        self._require(pair)
        candles = self._candles[pair].of(interval)
        rows = candles.last(min(limit, KEPT)) if candles else ()
        return wire.Candles(tuple(wire.Candle(*row) for row in rows))

    def _require(self, pair: Pair) -> None:
        if pair not in self._markets:
            raise refused("MARKET_UNKNOWN")


def _broadcast(view: _View, news: News[M], message: M) -> None:
    """Who does not keep up is dropped: he sees that no heartbeat comes, and subscribes again."""
    view.peers -= {peer for peer in view.peers if not tell(peer, news, message)}


def _wire(levels: Levels) -> tuple[wire.Level, ...]:
    return tuple(wire.Level(price, amount) for price, amount in levels)


def _wire_trades(trades: Iterable[Trade]) -> tuple[wire.Trade, ...]:
    return tuple(wire.Trade(row.id, row.time_ms, Side(row.side), row.price, row.amount) for row in trades)
