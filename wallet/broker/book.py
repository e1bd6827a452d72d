"""The order book of one market: price-time priority, trades at the maker's price.

Frozen commands go in, events come out. The book knows no clock, no chance and no channel: the same commands (and the
same answers to :data:`Available`) always give the same book. Every resting order is worth at least the market's
minimum, so that every match is a fill the protocol allows on both sides (design §5, row "trade").
Prices and quantities are integers: quote base units per ``unit`` of base, and base units of base.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from enum import IntEnum
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from sortedcontainers import SortedDict

from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.protocol.terms import Market


class SelfTrade(IntEnum):
    """What goes when an order meets one of the same owner."""

    CANCEL_TAKER = 0
    CANCEL_MAKER = 1


class Reason(IntEnum):
    """Why an order left the book (or never rested) other than by being filled."""

    ASKED = 0
    EXPIRED = 1
    IMMEDIATE = 2  # the rest of an immediate-or-cancel
    NOT_WHOLE = 3  # fill-or-kill that could not be filled whole
    WOULD_TAKE = 4  # post-only that would have taken
    SELF_TRADE = 5
    DUST = 6  # a rest worth less than the market's minimum
    EXPOSURE = 7  # more than the broker may be exposed to in this channel now
    REFUSED = 8  # a fill of it was refused
    CLOSED = 9  # its market is gone or has other rules now


class Place(NamedTuple):
    """An order comes to the book. ``owner`` is who must not trade with himself, ``expiry`` Unix seconds.

    ``max_fills`` is how many prices a fill-or-kill may be filled at: it has to fit one trade state.
    """

    id: bytes
    owner: bytes
    side: int
    price: int
    amount: int
    time_in_force: int
    expiry: int
    max_fills: int = 1_000_000


class Remove(NamedTuple):
    """An order is taken back; unknown ids are no error."""

    id: bytes
    reason: Reason = Reason.ASKED


class Expire(NamedTuple):
    """All orders that end at or before ``now`` (Unix seconds) go."""

    now: int


Command = Place | Remove | Expire


class Rested(NamedTuple):
    id: bytes
    left: int


class Matched(NamedTuple):
    """``quantity`` changes hands at ``price``, the maker's; what is left of both follows."""

    maker: bytes
    taker: bytes
    side: int  # the taker's
    price: int
    quantity: int
    maker_left: int
    taker_left: int


class Removed(NamedTuple):
    id: bytes
    left: int
    reason: Reason


class Withdrawn(NamedTuple):
    """A maker that may not be matched now: out of the book, so that the book never crosses; it may come again."""

    id: bytes
    left: int


Event = Rested | Matched | Removed | Withdrawn


class Resting:
    """An order in the book."""

    __slots__ = ("expiry", "id", "left", "owner", "price", "side")

    def __init__(self, place: Place, left: int) -> None:
        self.id = place.id
        self.owner = place.owner
        self.side = place.side
        self.price = place.price
        self.expiry = place.expiry
        self.left = left


class Level:
    """The orders at one price, first come first served."""

    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.orders: OrderedDict[bytes, Resting] = OrderedDict()
        self.total = 0


# Whether a maker may be matched now with this quantity.
Available = Callable[[Resting, int], bool]


def always(_: Resting, __: int) -> bool:
    return True


class _Plan(NamedTuple):
    """What a taker would do, before anything is changed."""

    matches: list[tuple[Resting, int]]
    withdrawn: list[Resting]
    own: list[Resting]  # own makers in the way that go
    left: int
    stop: Reason | None
    prices: int


class Book:
    """One market's order book."""

    def __init__(self, market: Market) -> None:
        self.market = market
        # bids are keyed by the negative price: the best level is the first on both sides
        self._sides: tuple[SortedDict, SortedDict] = (SortedDict(), SortedDict())
        self._orders: dict[bytes, Resting] = {}
        self._expiries: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._orders)

    def __contains__(self, order_id: bytes) -> bool:
        return order_id in self._orders

    def get(self, order_id: bytes) -> Resting | None:
        return self._orders.get(order_id)

    def best(self, side: int) -> int | None:
        """The best price of a side, None if it is empty."""
        levels = self._sides[side]
        return abs(levels.peekitem(0)[0]) if levels else None

    def depth(self, side: int, levels: int) -> list[tuple[int, int]]:
        """The best ``levels`` prices of a side and what rests there."""
        items = self._sides[side].items()
        return [(abs(key), level.total) for key, level in items[:levels]]

    def resting(self, side: int) -> Iterator[Resting]:
        """All orders of a side in the order they would be matched."""
        for level in self._sides[side].values():
            yield from level.orders.values()

    def apply(self, command: Command, available: Available = always) -> list[Event]:
        if isinstance(command, Place):
            return self.place(command, available)
        if isinstance(command, Remove):
            return self.remove(command.id, command.reason)
        return self.expire(command.now)

    def place(
        self, order: Place, available: Available = always, self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    ) -> list[Event]:
        """Match what can be matched, then rest what may rest. ValueError for an id that is already here."""
        if order.id in self._orders:
            raise ValueError("this order is in the book")
        if not self.crosses(order.side, order.price):
            return [self._rest(order, order.amount)]
        if order.time_in_force == TimeInForce.POST_ONLY:
            return [Removed(order.id, order.amount, Reason.WOULD_TAKE)]
        plan = self._plan(order, available, self_trade)
        if order.time_in_force == TimeInForce.FILL_OR_KILL and (plan.left or plan.prices > order.max_fills):
            return [Removed(order.id, order.amount, Reason.NOT_WHOLE)]
        events = self._carry_out(order, plan)
        if plan.left:
            events.append(
                Removed(order.id, plan.left, plan.stop) if plan.stop is not None else self._rest(order, plan.left)
            )
        return events

    def remove(self, order_id: bytes, reason: Reason = Reason.ASKED) -> list[Event]:
        order = self._orders.get(order_id)
        if order is None:
            return []
        self._drop(order)
        return [Removed(order_id, order.left, reason)]

    def expire(self, now: int) -> list[Event]:
        events: list[Event] = []
        while self._expiries and self._expiries[0][0] <= now:
            events += self.remove(heappop(self._expiries)[1], Reason.EXPIRED)
        return events

    def crosses(self, side: int, price: int) -> bool:
        """Whether an order of this side and price would take."""
        levels = self._sides[1 - side]
        if not levels:
            return False
        best: int = levels.peekitem(0)[0]
        return best <= price if side == Side.BUY else -best >= price

    def _plan(self, taker: Place, available: Available, self_trade: SelfTrade) -> _Plan:
        """Walks the other side in priority, changing nothing."""
        matches: list[tuple[Resting, int]] = []
        withdrawn: list[Resting] = []
        own: list[Resting] = []
        left, prices = taker.amount, 0
        market = self.market
        limit = taker.price if taker.side == Side.BUY else -taker.price
        for key, level in self._sides[1 - taker.side].items():
            if key > limit:
                break
            matched = len(matches)
            for maker in level.orders.values():
                if maker.owner == taker.owner:
                    if self_trade is SelfTrade.CANCEL_TAKER:
                        return _Plan(
                            matches, withdrawn, own, left, Reason.SELF_TRADE, prices + (len(matches) > matched)
                        )
                    own.append(maker)
                    continue
                quantity = min(left, maker.left)
                if quantity < maker.left and market.notional(maker.price, quantity) < market.min_notional:
                    return _Plan(matches, withdrawn, own, left, Reason.DUST, prices + (len(matches) > matched))
                if not available(maker, quantity):
                    withdrawn.append(maker)
                    continue
                matches.append((maker, quantity))
                left -= quantity
                if not left:
                    return _Plan(matches, withdrawn, own, 0, None, prices + 1)
            prices += len(matches) > matched
        return _Plan(matches, withdrawn, own, left, self._stop(taker, left), prices)

    def _stop(self, taker: Place, left: int) -> Reason | None:
        """Why the rest of an order may not rest; None if it may."""
        if taker.time_in_force in (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL):
            return Reason.IMMEDIATE
        return Reason.DUST if self._is_dust(taker.price, left) else None

    def _is_dust(self, price: int, amount: int) -> bool:
        return self.market.notional(price, amount) < self.market.min_notional

    def _carry_out(self, taker: Place, plan: _Plan) -> list[Event]:
        events: list[Event] = []
        for maker in plan.withdrawn:
            self._drop(maker)
            events.append(Withdrawn(maker.id, maker.left))
        for maker in plan.own:
            self._drop(maker)
            events.append(Removed(maker.id, maker.left, Reason.SELF_TRADE))
        left = taker.amount
        levels = self._sides[1 - taker.side]
        for maker, quantity in plan.matches:
            left -= quantity
            rest = maker.left - quantity
            if not rest:
                self._drop(maker)
                events.append(Matched(maker.id, taker.id, taker.side, maker.price, quantity, 0, left))
                continue
            maker.left = rest
            levels[-maker.price if maker.side == Side.BUY else maker.price].total -= quantity
            events.append(Matched(maker.id, taker.id, taker.side, maker.price, quantity, rest, left))
            if self._is_dust(maker.price, rest):
                self._drop(maker)
                events.append(Removed(maker.id, rest, Reason.DUST))
        return events

    def _rest(self, order: Place, left: int) -> Event:
        """Adds what is left of an order, unless its time in force or its size says that it may not rest."""
        stop = self._stop(order, left)
        if stop is Reason.IMMEDIATE and order.time_in_force == TimeInForce.FILL_OR_KILL:
            stop = Reason.NOT_WHOLE
        if stop is not None:
            return Removed(order.id, left, stop)
        resting = Resting(order, left)
        key = -order.price if order.side == Side.BUY else order.price
        levels = self._sides[order.side]
        level = levels.get(key)
        if level is None:
            level = levels[key] = Level()
        level.orders[order.id] = resting
        level.total += left
        self._orders[order.id] = resting
        self._watch_expiry(order)
        return Rested(order.id, left)

    def _watch_expiry(self, order: Place) -> None:
        """Remembers when an order ends. What left the book meanwhile is cleared out now and then: memory is bounded."""
        heappush(self._expiries, (order.expiry, order.id))
        if len(self._expiries) > 1_000 + 4 * len(self._orders):
            self._expiries = [(resting.expiry, order_id) for order_id, resting in self._orders.items()]
            heapify(self._expiries)

    def _drop(self, order: Resting) -> None:
        """Takes an order out; its entry among the expiries is skipped when its time comes."""
        key = -order.price if order.side == Side.BUY else order.price
        levels = self._sides[order.side]
        level = levels[key]
        del level.orders[order.id]
        level.total -= order.left
        if not level.orders:
            del levels[key]
        del self._orders[order.id]
