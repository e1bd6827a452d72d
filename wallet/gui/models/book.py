"""The order book as a ladder: grouped, cumulated, with the trader's own orders marked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from wallet.app.snapshots import BookView, MarketInfo, OrderStatus, OrderView

LIVE = (OrderStatus.OPEN, OrderStatus.CANCELLING, OrderStatus.SUBMITTED, OrderStatus.STAGED)
PERMILLE = 1000


@dataclass(frozen=True, slots=True)
class Level:
    """One row. ``share`` is the bar's length in permille of the deepest row shown; ``own`` what of it is ours."""

    side: str  # "buy": a bid, "sell": an ask
    price: int
    amount: int
    total: int
    share: int
    own: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Best levels first on both sides."""

    asks: tuple[Level, ...] = ()
    bids: tuple[Level, ...] = ()
    spread: int | None = None
    spread_ppm: int | None = None  # of the middle
    stale: bool = False


def ladder(
    book: BookView,
    market: MarketInfo,
    orders: Iterable[OrderView],
    depth: int,
    group: int = 1,
    *,
    cumulative: bool = True,
) -> Ladder:
    """The ``depth`` best levels a side, in steps of ``group`` ticks (asks rounded up, bids down: never flattering).

    ``cumulative``: a bar is as long as all up to there, not as its own level.
    """
    step = market.tick_size * max(group, 1)
    own = _own(orders, market.name, step)
    asks = _side("sell", book.asks, step, depth, own)
    bids = _side("buy", book.bids, step, depth, own)
    deepest = max([_weight(level, cumulative) for side in (asks, bids) for level in side], default=1)
    spread = book.asks[0][0] - book.bids[0][0] if book.asks and book.bids else None
    middle = book.asks[0][0] + book.bids[0][0] if book.asks and book.bids else 0
    return Ladder(
        asks=_shared(asks, deepest, cumulative),
        bids=_shared(bids, deepest, cumulative),
        spread=spread,
        spread_ppm=2_000_000 * spread // middle if spread is not None and middle else None,
        stale=book.stale,
    )


def grouped(price: int, side: str, step: int) -> int:
    """The row a price stands in: an ask never below, a bid never above its true price."""
    return price - price % step if side == "buy" else price + -price % step


def best(book: BookView | None, side: str) -> int | None:
    """The best price one would get when taking: the lowest ask for a buyer."""
    if book is None:
        return None
    levels = book.asks if side == "buy" else book.bids
    return levels[0][0] if levels else None


def _own(orders: Iterable[OrderView], market: str, step: int) -> dict[tuple[str, int], int]:
    own: dict[tuple[str, int], int] = {}
    for order in orders:
        if order.market == market and order.status in LIVE:
            key = order.side, grouped(order.price, order.side, step)
            own[key] = own.get(key, 0) + order.amount - order.filled
    return own


def _side(
    side: str, rows: Sequence[tuple[int, int]], step: int, depth: int, own: dict[tuple[str, int], int]
) -> list[Level]:
    levels: list[Level] = []
    total = 0
    for price, amount in rows:
        total += amount
        row = grouped(price, side, step)
        if levels and levels[-1].price == row:
            levels[-1] = Level(side, row, levels[-1].amount + amount, total, 0, own.get((side, row), 0))
        elif len(levels) == depth:
            break
        else:
            levels.append(Level(side, row, amount, total, 0, own.get((side, row), 0)))
    return levels


def _weight(level: Level, cumulative: bool) -> int:
    return level.total if cumulative else level.amount


def _shared(levels: list[Level], deepest: int, cumulative: bool) -> tuple[Level, ...]:
    return tuple(replace(row, share=PERMILLE * _weight(row, cumulative) // max(deepest, 1)) for row in levels)


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """A step of the depth curve: up to here, ``total`` of base can be traded."""

    price: int
    total: int


def depth_curve(book: BookView, limit: int = 400) -> tuple[tuple[DepthPoint, ...], tuple[DepthPoint, ...]]:
    """Cumulated bids and asks, best first, as far as both sides reach equally far from the middle."""
    if not (book.bids and book.asks):
        return (), ()
    middle2 = book.bids[0][0] + book.asks[0][0]
    reach2 = min(middle2 - 2 * book.bids[-1][0], 2 * book.asks[-1][0] - middle2)
    bids = [row for row in book.bids[:limit] if middle2 - 2 * row[0] <= reach2]
    asks = [row for row in book.asks[:limit] if 2 * row[0] - middle2 <= reach2]
    return _cumulated(bids), _cumulated(asks)


def _cumulated(rows: Sequence[tuple[int, int]]) -> tuple[DepthPoint, ...]:
    points, total = [], 0
    for price, amount in rows:
        total += amount
        points.append(DepthPoint(price, total))
    return tuple(points)
