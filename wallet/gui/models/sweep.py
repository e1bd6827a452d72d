"""What taking from the book would bring: the walk through its levels, without a screen. Pure.

Prices are quote base units per ``unit`` of base, amounts base units of base, shares parts per million. Every figure
that is rounded is rounded against the trader: an estimate must not flatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wallet.app.snapshots import BookView, MarketInfo
from wallet.protocol.amounts import PPM

WARN_PPM = 20_000  # from here on an order of any size deserves a word
CONSENT_PPM = 50_000  # and from here on a tick


@dataclass(frozen=True, slots=True)
class Estimate:
    """A sweep of the levels down to a limit. ``slippage`` is the average against the middle of the book, in ppm."""

    filled: int
    value: int  # quote that changes hands for it
    average: int
    worst: int
    slippage: int
    share: int  # of what the book shows within the limit and beyond, in ppm
    whole: bool  # whether all that was asked for would be filled

    @property
    def is_dear(self) -> bool:
        return self.slippage >= WARN_PPM

    @property
    def needs_consent(self) -> bool:
        return self.slippage >= CONSENT_PPM or not self.whole


def sweep(book: BookView, market: MarketInfo, side: str, amount: int, limit: int) -> Estimate | None:
    """What ``amount`` taken at ``limit`` or better would bring now; None where nothing stands within the limit."""
    levels = book.asks if side == "buy" else book.bids
    within = _within(levels, side, limit)
    if not within or amount <= 0:
        return None
    left, value, worst = amount, 0, within[0][0]
    for price, there in within:
        taken = min(left, there)
        # a fill is floored to the quote's base unit; what is paid is shown as no less than it will be
        value += -(-price * taken // market.unit) if side == "buy" else price * taken // market.unit
        left, worst = left - taken, price
        if not left:
            break
    filled = amount - left
    average = -(-value * market.unit // filled) if side == "buy" else value * market.unit // filled
    shown = sum(there for _, there in levels)
    return Estimate(filled, value, average, worst, _slippage(book, side, average), PPM * filled // shown, left == 0)


def affordable(book: BookView, market: MarketInfo, side: str, value: int, limit: int) -> int:
    """How much of base ``value`` of quote buys (or brings, when selling) at ``limit`` or better, in whole lots."""
    amount = 0
    for price, there in _within(book.asks if side == "buy" else book.bids, side, limit):
        cost = price * there // market.unit
        if cost >= value:
            amount += value * market.unit // price
            break
        amount, value = amount + there, value - cost
    return amount - amount % market.lot_size


def _within(levels: Sequence[tuple[int, int]], side: str, limit: int) -> list[tuple[int, int]]:
    return [row for row in levels if (row[0] <= limit if side == "buy" else row[0] >= limit)]


def _slippage(book: BookView, side: str, average: int) -> int:
    """The average against the middle; against the best where one side is empty. Never below zero."""
    mine = book.bids if side == "buy" else book.asks
    other = book.asks if side == "buy" else book.bids
    doubled = other[0][0] + (mine[0][0] if mine else other[0][0])
    away = 2 * average - doubled if side == "buy" else doubled - 2 * average
    return max(-(-PPM * away // doubled), 0) if doubled else 0
