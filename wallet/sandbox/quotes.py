"""What a market maker wants in the book, and what to change to get there. Pure.

Prices stand in cells of a fixed grid, each at a place of its own within its cell, so that a moving price asks for few
changes: cells cross from one side to the other near it, and enter and leave far from it. Several makers share a market
by taking every n-th cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import NamedTuple

from wallet.protocol.state import OpenOrder, Side
from wallet.protocol.terms import Market

_SPREAD_OF_CELL = 617  # any number without a common factor with usual cell sizes: places look drawn, and never move


class Quote(NamedTuple):
    """An order a maker wants: price in quote base units per unit of base, amount in base units of base."""

    side: Side
    price: int
    amount: int


@dataclass(frozen=True, slots=True)
class Style:
    """How one market is quoted.

    ``cell`` and ``half_spread`` in quote base units per unit of base, whole ticks; ``levels`` per side and maker;
    ``typical`` base units of base at the best level.
    """

    market: Market
    cell: int
    half_spread: int
    levels: int
    typical: int

    def price_of(self, cell: int) -> int:
        """The one price in a cell at which there may be an order."""
        ticks = self.cell // self.market.tick_size
        return cell * self.cell + cell * _SPREAD_OF_CELL % ticks * self.market.tick_size


@dataclass(frozen=True, slots=True)
class Share:
    """Which cells are a maker's: every ``of``-th, from ``number`` on."""

    number: int
    of: int


class Changes(NamedTuple):
    """What to do, most urgent first: what could be traded at a bad price goes first, the best prices come first."""

    cancel: tuple[OpenOrder, ...]
    place: tuple[Quote, ...]


def changes(style: Style, share: Share, middle: int, have: Sequence[OpenOrder], chance: Random) -> Changes:
    """How to get from the open orders ``have`` to a ladder around ``middle``."""
    cancel, place = [], []
    for side in Side:
        own = sorted((row for row in have if row.side == side), key=lambda row: _distance(side, middle, row.price))
        # Half of the spread is tolerated before an order that the price runs into is taken back.
        bad = [row for row in own if _distance(side, middle, row.price) < style.half_spread // 2]
        good = own[len(bad) :]
        wanted = list(islice(_cells(style, share, side, middle), style.levels))
        known = {row.price for row in own}
        missing = [price for price in wanted if price not in known]
        # The farthest go as nearer ones come: never more than the levels, and no flutter at the far end.
        spare = max(len(good) + len(missing) - style.levels, 0)
        cancel += bad + good[len(good) - spare :][::-1]
        place += [Quote(side, price, _amount(style, rank, price, chance)) for rank, price in _ranked(wanted, missing)]
    place.sort(key=lambda quote: abs(quote.price - middle))
    return Changes(tuple(cancel), tuple(place))


def refresh(style: Style, middle: int, have: Sequence[OpenOrder], chance: Random) -> OpenOrder | None:
    """An order to take back so that one of another size takes its place: the nearer to the price, the more often."""
    if len(have) < style.levels:
        return None
    ranked = sorted(have, key=lambda row: abs(row.price - middle))
    return ranked[min(chance.randrange(len(ranked)), chance.randrange(len(ranked)))]


def immediate(style: Style, side: Side, middle: int, chance: Random, slippage: int = 2_000) -> Quote:
    """A taker's order: mostly small parts of the typical size, at most ``slippage`` ppm worse than ``middle``."""
    market = style.market
    limit = middle * slippage // 1_000_000
    price = middle + limit if side is Side.BUY else max(middle - limit, market.tick_size)
    least = -(-market.min_notional * market.unit // price)
    wanted = style.typical * chance.choice((1, 1, 2, 3, 5, 8, 20)) * chance.randint(50, 150) // 1_000
    price -= price % market.tick_size
    return Quote(side, price, _whole_lots(market, max(wanted, 2 * least)))


def _ranked(wanted: Sequence[int], missing: Sequence[int]) -> Iterator[tuple[int, int]]:
    return ((rank, price) for rank, price in enumerate(wanted) if price in missing)


def _cells(style: Style, share: Share, side: Side, middle: int) -> Iterator[int]:
    """Prices of a maker's cells on one side, from the middle outwards; bids end above zero."""
    step = -1 if side is Side.BUY else 1
    cell = middle // style.cell - step
    while True:
        price = style.price_of(cell)
        if price <= 0:
            return
        if cell % share.of == share.number and _distance(side, middle, price) >= style.half_spread:
            yield price
        cell += step


def _distance(side: int, middle: int, price: int) -> int:
    """How far an order is on its own side of the middle; below zero, it is beyond it."""
    return middle - price if side == Side.BUY else price - middle


def _amount(style: Style, rank: int, price: int, chance: Random) -> int:
    """More with distance, and never twice the same; always above the market's minimum."""
    market = style.market
    wanted = style.typical * (4 + rank) * chance.randint(500, 1_500) // 4_000
    least = -(-market.min_notional * market.unit // price)
    return _whole_lots(market, max(wanted, 2 * least))


def _whole_lots(market: Market, amount: int) -> int:
    return -(-amount // market.lot_size) * market.lot_size
