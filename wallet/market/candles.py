"""Candles from trades: integers throughout, bounded in number."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from wallet.market.trades import Trade

INTERVALS = (1, 5, 60, 300, 900, 3_600)  # seconds
KEPT = 1_000  # candles per interval


class Candle(NamedTuple):
    """``start`` in Unix seconds, prices in quote base units per unit of base, ``volume`` in base units of base."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class Candles:
    """The candles of one market and one interval, oldest first. A time without a trade has no candle."""

    def __init__(self, interval: int, kept: int = KEPT) -> None:
        if interval <= 0:
            raise ValueError("an interval is a positive number of seconds")
        self.interval = interval
        self._kept: deque[Candle] = deque(maxlen=kept)

    def load(self, candles: Iterable[Candle]) -> None:
        """Replaces what is known by a broker's history; rows that can't be candles or are out of order are dropped."""
        self._kept.clear()
        for candle in candles:
            later = not self._kept or candle.start > self._kept[-1].start
            if later and candle.start % self.interval == 0 and is_candle(candle):
                self._kept.append(candle)

    def add(self, trade: Trade) -> None:
        """Takes a trade into its candle; one that claims a time before the last candle counts to the last."""
        start = trade.time_ms // 1_000 // self.interval * self.interval
        price = trade.price
        if not self._kept or start > self._kept[-1].start:
            self._kept.append(Candle(start, price, price, price, price, trade.amount))
            return
        last = self._kept[-1]
        self._kept[-1] = last._replace(
            high=max(last.high, price), low=min(last.low, price), close=price, volume=last.volume + trade.amount
        )

    def last(self, count: int) -> tuple[Candle, ...]:
        """The newest ``count`` candles, oldest first."""
        return tuple(islice(self._kept, max(len(self._kept) - count, 0), None))

    def __len__(self) -> int:
        return len(self._kept)


class CandleSet:
    """All intervals of one market."""

    def __init__(self, intervals: tuple[int, ...] = INTERVALS, kept: int = KEPT) -> None:
        self._all = {interval: Candles(interval, kept) for interval in intervals}

    def add(self, trades: Iterable[Trade]) -> None:
        for trade in trades:
            for candles in self._all.values():
                candles.add(trade)

    def of(self, interval: int) -> Candles | None:
        return self._all.get(interval)


def is_candle(candle: Candle) -> bool:
    return (
        0 < candle.low <= min(candle.open, candle.close)
        and max(candle.open, candle.close) <= candle.high
        and candle.volume > 0
    )


def filled(candles: tuple[Candle, ...], interval: int, count: int) -> tuple[Candle, ...]:
    """At most ``count`` candles up to the last without holes: a time without trades repeats the close before it."""
    if not candles:
        return ()
    first = max(candles[0].start, candles[-1].start - (count - 1) * interval)
    at = bisect_left([candle.start for candle in candles], first)
    known = {candle.start: candle for candle in candles[at:]}
    close = candles[at - 1].close if at else candles[0].open
    rows = []
    for start in range(first, candles[-1].start + 1, interval):
        candle = known.get(start) or Candle(start, close, close, close, close, 0)
        close = candle.close
        rows.append(candle)
    return tuple(rows)
