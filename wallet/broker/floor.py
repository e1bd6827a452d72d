"""The trading floor: one book per market, and what a match means for the two channels it is between.

The broker is the counterparty of each. A match and both its halves are written in one transaction before any of it
is proposed to anyone; whose half is refused, or can't be recorded, the broker carries. Source: design §4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from wallet.broker.book import Book, Event, Expire, Matched, Place, Reason, Removed, Rested, Resting, Withdrawn
from wallet.broker.channel import Channel, Phase, is_immediate, outlook
from wallet.broker.config import MarketConfig
from wallet.broker.exposure import Pair, short_of_collateral
from wallet.broker.ledger import Ledger
from wallet.market.trades import Trade
from wallet.protocol.intents import Order
from wallet.protocol.state import Side
from wallet.protocol.terms import Market

EXPIRY_MARGIN = 1  # seconds: a fill must reach its owner before he has to refuse it


class Clock(Protocol):
    """Time as the broker is given it."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float: ...


class Floor:
    """All books and all channels. ``touched`` is told of each channel that may have something to issue."""

    def __init__(self, markets: Iterable[MarketConfig], ledger: Ledger, clock: Clock) -> None:
        self.markets: dict[Pair, MarketConfig] = {market.pair: market for market in markets}
        self.books: dict[Pair, Book] = {pair: Book(market.rules) for pair, market in self.markets.items()}
        self.channels: dict[bytes, Channel] = {}
        self.touched: Callable[[Channel], None] = lambda _: None
        self.moved: Callable[[Pair], None] = lambda _: None
        self.traded: Callable[[Pair, Trade], None] = lambda _, __: None
        self._ledger = ledger
        self._clock = clock
        self._owners: dict[bytes, Channel] = {}  # of every order in a book
        self._last_price: dict[Pair, int] = {}
        for pair in self.markets:
            for trade in ledger.trades(pair, 1):
                self._last_price[pair] = trade.price

    # --- prices ---

    def middle(self, pair: Pair) -> int:
        """The middle of the book, else the last price, else the configured one."""
        book = self.books[pair]
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        if bid is not None and ask is not None:
            return (bid + ask) // 2
        return self._last_price.get(pair, self.markets[pair].reference_price)

    # --- orders come and go ---

    def enter(self, channel: Channel, order_id: bytes) -> None:
        """An open order goes to its book: takes what it may, rests if it may, or is cancelled with a reason."""
        row, signed = channel.order(order_id), channel.intents.get(order_id)
        if row is None or signed is None or order_id in channel.cancels or order_id in channel.kept:
            return
        order = signed.order
        pair = order.base, order.quote
        book, left = self.books.get(pair), channel.unfilled(row)
        channel.waiting.discard(order_id)
        if book is None or channel.terms.market(*pair) != book.market:
            self.take_out(channel, order_id, Reason.CLOSED)
        elif order_id in book or left <= 0:
            pass
        elif order.expiry - EXPIRY_MARGIN <= self._clock.now():
            self.take_out(channel, order_id, Reason.EXPIRED)
        elif not channel.is_present(self._clock.monotonic()) or channel.phase is not Phase.OPEN:
            if is_immediate(channel, order_id):
                self.take_out(channel, order_id, Reason.IMMEDIATE)
        elif not book.crosses(order.side, order.price) or self._may_take(channel, order_id, order, left, book):
            self._place(channel, order_id, order, left, book)

    def _place(self, channel: Channel, order_id: bytes, order: Order, left: int, book: Book) -> None:
        place = Place(
            order_id,
            channel.terms.trader,
            order.side,
            order.price,
            left,
            order.time_in_force,
            order.expiry - EXPIRY_MARGIN,
            channel.terms.max_fills,
        )
        self._owners[order_id] = channel
        self._carry_out((order.base, order.quote), book.place(place, self._available(book.market)))

    def _may_take(self, channel: Channel, order_id: bytes, order: Order, left: int, book: Book) -> bool:
        """The bounds of the channel at the best price there is: un-ACKed fills and collateral."""
        pair, market = (order.base, order.quote), book.market
        price = order.price
        if order.side == Side.SELL:
            price = max(price, book.best(Side.BUY) or 0)
        if channel.unacked.get(pair, 0) + market.notional(price, left) > market.max_unacked:
            if is_immediate(channel, order_id):
                self.take_out(channel, order_id, Reason.EXPOSURE)
            else:
                channel.waiting.add(order_id)
            return False
        if short_of_collateral(channel.terms, outlook(channel), {order_id: price}):
            self.take_out(channel, order_id, Reason.EXPOSURE)
            return False
        return True

    def _available(self, market: Market) -> Callable[[Resting, int], bool]:
        """Whether a maker may be matched now; remembers what it has promised within one order's walk."""
        promised: dict[bytes, int] = {}
        now = self._clock.monotonic()

        def available(maker: Resting, quantity: int) -> bool:
            channel = self._owners[maker.id]
            if not channel.is_present(now):
                return False
            notional = market.notional(maker.price, quantity)
            under_way = channel.unacked.get((market.base, market.quote), 0) + promised.get(channel.id, 0)
            if under_way + notional > market.max_unacked:
                return False
            promised[channel.id] = promised.get(channel.id, 0) + notional
            return True

        return available

    def take_out(self, channel: Channel, order_id: bytes, reason: Reason) -> None:
        """An open order leaves for good: out of the book, its cancel is issued after the fills it has."""
        self._out_of_book(channel, order_id)
        channel.waiting.discard(order_id)
        if order_id not in channel.cancels and order_id not in channel.kept:
            channel.cancels[order_id] = reason
            self._ledger.journal.set_intent(order_id, "cancelling", reason.name)
        self.touched(channel)

    def withdraw(self, channel: Channel, order_id: bytes) -> None:
        """An order leaves that its trader has cancelled by a state of his own."""
        self._out_of_book(channel, order_id)
        channel.waiting.discard(order_id)

    def leave(self, channel: Channel) -> None:
        """All of a channel's orders leave the books until its trader is present again; they stay open."""
        for order_id in [order_id for order_id in channel.intents if order_id in self._owners]:
            self._out_of_book(channel, order_id)

    def come(self, channel: Channel) -> None:
        """The trader is present: his open orders go (back) to the books, oldest first."""
        if channel.last is None or channel.phase is not Phase.OPEN:
            return
        for row in channel.last.state.open_orders:
            if not is_immediate(channel, row.id):
                self.enter(channel, row.id)
        self.touched(channel)

    def retry(self, channel: Channel) -> None:
        """Fewer fills are without an answer: what had to wait for that may come back."""
        for order_id in list(channel.waiting):
            self.enter(channel, order_id)

    def _out_of_book(self, channel: Channel, order_id: bytes) -> None:
        pair = channel.pair_of(order_id)
        if pair in self.books and self._owners.pop(order_id, None) is not None:
            self.books[pair].remove(order_id)
            self.moved(pair)

    # --- time ---

    def expire(self) -> None:
        """Orders whose time is over go, those in no book too."""
        now = int(self._clock.now())
        for pair, book in self.books.items():
            self._carry_out(pair, book.apply(Expire(now)))
        for channel in self.channels.values():
            for order_id, signed in list(channel.intents.items()):
                over = signed.order.expiry - EXPIRY_MARGIN <= now
                if over and order_id not in channel.cancels and channel.order(order_id):
                    self.take_out(channel, order_id, Reason.EXPIRED)

    # --- what the book says ---

    def _carry_out(self, pair: Pair, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Matched):
                self._match(pair, event)
            elif isinstance(event, Removed):
                owner = self._owners.pop(event.id)
                self.take_out(owner, event.id, event.reason)
            elif isinstance(event, Withdrawn):
                owner = self._owners.pop(event.id)
                if owner.is_present(self._clock.monotonic()):
                    owner.waiting.add(event.id)  # its bound is used up: back when its fills are acknowledged
            else:
                assert isinstance(event, Rested)
        if events:
            self.moved(pair)

    def _match(self, pair: Pair, match: Matched) -> None:
        market = self.markets[pair]
        trade = self._ledger.add_trade(pair, int(self._clock.now() * 1_000), match.side, match.price, match.quantity)
        halves = ((match.maker, market.maker_fee, match.maker_left), (match.taker, market.taker_fee, match.taker_left))
        for order_id, rate, left in halves:
            channel = self._owners[order_id]
            fill = self._ledger.add_fill(channel.id, order_id, match.price, match.quantity, rate, trade.id)
            channel.fills.append(fill)
            channel.count_unacked(fill, 1)
            self.touched(channel)
            if not left:
                del self._owners[order_id]
        self._last_price[pair] = match.price
        self.traded(pair, trade)
