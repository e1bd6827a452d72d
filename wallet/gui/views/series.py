"""Candles as columns of numbers for drawing: appended in place, cut to what is in sight, binned to its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wallet.app.snapshots import CandleView

Array = NDArray[np.float64]
_FIELDS = ("start", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Slice:
    """What to draw: positions in candles, and one value each per bin. ``width`` is the width of a bin in candles."""

    x: Array
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array
    width: float


class Series:
    """One row per candle, in the units of the axis. Takes the newest snapshot; mostly only its last candle is new."""

    def __init__(self, price_scale: float = 1.0, volume_scale: float = 1.0) -> None:
        self._scale = np.array([1.0, price_scale, price_scale, price_scale, price_scale, volume_scale])
        self._data: Array = np.empty((0, len(_FIELDS)))
        self._source: tuple[CandleView, ...] = ()

    def __len__(self) -> int:
        return len(self._data)

    @property
    def starts(self) -> Array:
        return self._data[:, 0]

    @property
    def candles(self) -> tuple[CandleView, ...]:
        return self._source

    def update(self, candles: tuple[CandleView, ...]) -> bool:
        """Whether anything changed."""
        old = self._source
        if candles is old or candles == old:
            return False
        self._source = candles
        same = len(candles) >= len(old) > 1 and candles[: len(old) - 1] == old[:-1]
        if not same:
            self._data = self._rows(candles)
            return True
        fresh = self._rows(candles[len(old) - 1 :])
        self._data[-1] = fresh[0]
        if len(fresh) > 1:
            self._data = np.concatenate((self._data, fresh[1:]))
        return True

    def slice(self, left: float, right: float, pixels: int) -> Slice:
        """The candles from ``left`` to ``right``, as at most about ``pixels`` / 2 bins of highs and lows."""
        first = max(int(left) - 1, 0)
        last = min(int(right) + 2, len(self._data))
        part = self._data[first:last]
        count = len(part)
        width = max(-(-count * 2 // max(pixels, 2)), 1)
        if width > 1:
            # bins start at multiples of their width, so that they stand still while the view moves
            first += -first % width
            part = self._data[first:last]
        edges = np.arange(0, len(part), width)
        if not len(edges):
            empty = np.empty(0)
            return Slice(empty, empty, empty, empty, empty, empty, 1.0)
        ends = np.append(edges[1:], len(part)) - 1
        return Slice(
            x=first + edges + (ends - edges) / 2,
            open=part[edges, 1],
            high=np.maximum.reduceat(part[:, 2], edges),
            low=np.minimum.reduceat(part[:, 3], edges),
            close=part[ends, 4],
            volume=np.add.reduceat(part[:, 5], edges),
            width=float(width),
        )

    def _rows(self, candles: tuple[CandleView, ...]) -> Array:
        if not candles:
            return np.empty((0, len(_FIELDS)))
        rows: Array = np.array([[float(getattr(candle, name)) for name in _FIELDS] for candle in candles])
        rows /= self._scale
        return rows
