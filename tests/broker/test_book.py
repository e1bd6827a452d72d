"""The order book: examples of every time in force, then properties over random command tapes."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.broker.book import (
    Book,
    Command,
    Event,
    Expire,
    Matched,
    Place,
    Reason,
    Remove,
    Removed,
    Rested,
    Resting,
    SelfTrade,
    Withdrawn,
)
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.protocol.terms import Market

GTT, IOC, FOK, POST = TimeInForce
MARKET = Market(b"\x01" * 20, b"\x02" * 20, unit=10, tick_size=1, lot_size=10, min_notional=100, max_unacked=10**9)
NEVER = 2**40


def oid(number: int) -> bytes:
    return number.to_bytes(32, "big")


def place(
    number: int,
    side: Side,
    price: int,
    amount: int,
    tif: TimeInForce = GTT,
    owner: int | None = None,
    expiry: int = NEVER,
    max_fills: int = 100,
) -> Place:
    who = (1000 + number if owner is None else owner).to_bytes(20, "big")
    return Place(oid(number), who, side, price, amount, tif, expiry, max_fills)


def book_of(*orders: Place) -> Book:
    book = Book(MARKET)
    for order in orders:
        assert book.place(order) == [Rested(order.id, order.amount)]
    return book


def test_an_order_that_meets_nothing_rests() -> None:
    book = book_of(place(1, Side.BUY, 50, 100), place(2, Side.SELL, 51, 200))
    assert (book.best(Side.BUY), book.best(Side.SELL)) == (50, 51)
    assert book.depth(Side.SELL, 5) == [(51, 200)]


def test_trades_are_at_the_makers_price_and_first_come_first_served() -> None:
    book = book_of(place(1, Side.SELL, 52, 100), place(2, Side.SELL, 50, 100), place(3, Side.SELL, 50, 100))
    events = book.place(place(4, Side.BUY, 52, 250))
    assert events == [
        Matched(oid(2), oid(4), Side.BUY, 50, 100, 0, 150),
        Matched(oid(3), oid(4), Side.BUY, 50, 100, 0, 50),
        Matched(oid(1), oid(4), Side.BUY, 52, 50, 50, 0),
    ]
    assert book.depth(Side.SELL, 5) == [(52, 50)]


def test_what_is_left_of_a_limit_order_rests_at_its_price() -> None:
    book = book_of(place(1, Side.BUY, 50, 100))
    assert book.place(place(2, Side.SELL, 49, 300))[-1] == Rested(oid(2), 200)
    assert (book.best(Side.BUY), book.best(Side.SELL)) == (None, 49)


def test_the_rest_of_an_immediate_order_goes() -> None:
    book = book_of(place(1, Side.SELL, 50, 100))
    events = book.place(place(2, Side.BUY, 50, 150, IOC))
    assert events[-1] == Removed(oid(2), 50, Reason.IMMEDIATE)
    assert book.place(place(3, Side.BUY, 50, 150, IOC)) == [Removed(oid(3), 150, Reason.IMMEDIATE)]
    assert len(book) == 0


@pytest.mark.parametrize(
    ("amount", "limit", "max_fills", "whole"),
    [
        (300, 51, 2, True),
        (400, 51, 2, False),  # more than there is
        (300, 50, 2, False),  # not at this price
        (300, 51, 1, False),  # would need two fills: prices 50 and 51
        (200, 50, 1, True),  # two makers at one price are one fill
    ],
)
def test_fill_or_kill_fills_whole_or_changes_nothing(amount: int, limit: int, max_fills: int, *, whole: bool) -> None:
    book = book_of(place(1, Side.SELL, 50, 100), place(2, Side.SELL, 50, 100), place(3, Side.SELL, 51, 100))
    before = dump(book)
    events = book.place(place(4, Side.BUY, limit, amount, FOK, max_fills=max_fills))
    if whole:
        assert sum(event.quantity for event in events if isinstance(event, Matched)) == amount
    else:
        assert events == [Removed(oid(4), amount, Reason.NOT_WHOLE)]
        assert dump(book) == before


def test_fill_or_kill_meets_an_empty_book() -> None:
    assert Book(MARKET).place(place(1, Side.BUY, 50, 100, FOK)) == [Removed(oid(1), 100, Reason.NOT_WHOLE)]


def test_post_only_never_takes() -> None:
    book = book_of(place(1, Side.SELL, 50, 100))
    assert book.place(place(2, Side.BUY, 50, 100, POST)) == [Removed(oid(2), 100, Reason.WOULD_TAKE)]
    assert book.place(place(3, Side.BUY, 49, 100, POST)) == [Rested(oid(3), 100)]


def test_nobody_trades_with_himself() -> None:
    def make() -> Book:
        return book_of(
            place(1, Side.SELL, 50, 100), place(2, Side.SELL, 50, 100, owner=7), place(3, Side.SELL, 50, 100)
        )

    book, taker = make(), place(4, Side.BUY, 50, 300, owner=7)
    assert book.place(taker) == [
        Matched(oid(1), oid(4), Side.BUY, 50, 100, 0, 200),
        Removed(oid(4), 200, Reason.SELF_TRADE),
    ]
    assert oid(2) in book
    book = make()
    events = book.place(taker, self_trade=SelfTrade.CANCEL_MAKER)
    assert Removed(oid(2), 100, Reason.SELF_TRADE) in events
    assert events[-1] == Rested(oid(4), 100)


def test_a_maker_that_may_not_be_matched_leaves_so_that_the_book_does_not_cross() -> None:
    book = book_of(place(1, Side.SELL, 50, 100), place(2, Side.SELL, 51, 100))
    events = book.place(place(3, Side.BUY, 51, 200), lambda maker, _: maker.id != oid(1))
    assert events == [
        Withdrawn(oid(1), 100),
        Matched(oid(2), oid(3), Side.BUY, 51, 100, 0, 100),
        Rested(oid(3), 100),
    ]
    assert book.best(Side.SELL) is None


def test_rests_too_small_to_be_filled_by_the_rules_do_not_stay() -> None:
    book = book_of(place(1, Side.SELL, 50, 100))  # worth 500; the minimum is 100
    events = book.place(place(2, Side.BUY, 50, 90))
    assert events[-1] == Removed(oid(1), 10, Reason.DUST)
    book = book_of(place(3, Side.SELL, 50, 100))
    assert book.place(place(4, Side.BUY, 50, 110))[-1] == Removed(oid(4), 10, Reason.DUST)


def test_a_taker_too_small_at_the_price_it_would_get_is_not_matched() -> None:
    book = book_of(place(1, Side.SELL, 10, 1000))
    assert book.place(place(2, Side.BUY, 50, 20)) == [Removed(oid(2), 20, Reason.DUST)]  # 100 at 50, 20 at 10
    assert book.depth(Side.SELL, 1) == [(10, 1000)]


def test_orders_expire_in_time_and_cancels_are_idempotent() -> None:
    book = book_of(place(1, Side.BUY, 50, 100, expiry=10), place(2, Side.BUY, 50, 100, expiry=11))
    assert book.expire(9) == []
    assert book.expire(10) == [Removed(oid(1), 100, Reason.EXPIRED)]
    assert book.remove(oid(2)) == [Removed(oid(2), 100, Reason.ASKED)]
    assert book.remove(oid(2)) == []
    assert book.expire(100) == []


def test_the_same_id_twice_is_refused() -> None:
    book = book_of(place(1, Side.BUY, 50, 100))
    with pytest.raises(ValueError, match="in the book"):
        book.place(place(1, Side.BUY, 50, 100))


def test_expiries_of_orders_that_left_are_forgotten() -> None:
    book = Book(MARKET)
    for number in range(5000):
        book.place(place(number, Side.BUY, 50, 100))
        book.remove(oid(number))
    assert len(book._expiries) <= 1_001


# --- properties -----------------------------------------------------------------------------------------------------


def dump(book: Book) -> tuple[object, ...]:
    return tuple((order.id, order.side, order.price, order.left) for side in Side for order in book.resting(side))


@dataclass
class Naive:
    """The same rules by scanning lists: slow, and plain enough to be seen to be right."""

    resting: list[Any] = field(default_factory=list)  # [Place, left], in order of arrival

    def place(self, order: Place, away: frozenset[bytes]) -> list[tuple[bytes, int, int]]:
        makers = self._crossing(order)
        if order.time_in_force == POST and makers:
            return []
        left, fills, gone, stop = self._walk(order, makers, away)
        if order.time_in_force == FOK and (left or len({row[0].price for row, _ in fills}) > order.max_fills):
            return []
        for row in gone:
            self.resting.remove(row)
        for row, quantity in fills:
            row[1] -= quantity
            if not row[1] or row[0].price * row[1] // 10 < 100:
                self.resting.remove(row)
        if left and not stop and order.time_in_force in (GTT, POST) and order.price * left // 10 >= 100:
            self.resting.append([order, left])
        return [(row[0].id, row[0].price, quantity) for row, quantity in fills]

    def _crossing(self, order: Place) -> list[Any]:
        other = [row for row in self.resting if row[0].side != order.side]
        if order.side == Side.BUY:
            return sorted((row for row in other if row[0].price <= order.price), key=lambda row: row[0].price)
        return sorted((row for row in other if row[0].price >= order.price), key=lambda row: -row[0].price)

    def _walk(self, order: Place, makers: list[Any], away: frozenset[bytes]) -> tuple[int, list[Any], list[Any], bool]:
        left, fills, gone = order.amount, [], []
        for row in makers:
            maker, rest = row
            quantity = min(left, rest)
            if maker.owner == order.owner or (quantity < rest and maker.price * quantity // 10 < 100):
                return left, fills, gone, True
            if maker.id in away:
                gone.append(row)
                continue
            fills.append((row, quantity))
            left -= quantity
            if not left:
                break
        return left, fills, gone, False


orders = st.builds(
    place,
    number=st.just(0),
    side=st.sampled_from(Side),
    price=st.integers(40, 60),
    amount=st.integers(2, 40).map(lambda lots: lots * 10),
    tif=st.sampled_from([GTT, GTT, GTT, IOC, FOK, POST]),
    owner=st.integers(1, 6),
    expiry=st.integers(1, 100),
    max_fills=st.integers(1, 4),
).filter(lambda order: order.price * order.amount // 10 >= 100)
steps = st.lists(
    st.one_of(
        st.tuples(orders, st.frozensets(st.integers(0, 60), max_size=3)),
        st.integers(0, 60).map(lambda number: Remove(oid(number))),
        st.integers(1, 100).map(Expire),
    ),
    max_size=60,
)


def run(tape: list[object]) -> tuple[Book, list[tuple[Command, frozenset[bytes], list[Event]]]]:
    book, log = Book(MARKET), []
    for index, step in enumerate(tape):
        away: frozenset[bytes] = frozenset()
        command = step
        if isinstance(step, tuple) and not isinstance(step, (Place, Remove, Expire)):
            command, away = step[0]._replace(id=oid(index)), frozenset(map(oid, step[1]))
        assert isinstance(command, (Place, Remove, Expire))

        def available(maker: Resting, _: int, away: frozenset[bytes] = away) -> bool:
            return maker.id not in away

        log.append((command, away, book.apply(command, available)))
    return book, log


@given(steps)
@settings(max_examples=300, deadline=None)
def test_the_book_agrees_with_plain_lists(tape: list[object]) -> None:
    naive, now = Naive(), 0
    book, log = run(tape)
    for command, away, events in log:
        if isinstance(command, Place):
            fills = [(event.maker, event.price, event.quantity) for event in events if isinstance(event, Matched)]
            assert fills == naive.place(command, away)
        elif isinstance(command, Remove):
            naive.resting = [row for row in naive.resting if row[0].id != command.id]
        else:
            now = command.now
            naive.resting = [row for row in naive.resting if row[0].expiry > now]
    want = sorted((row[0].id, row[0].side, row[0].price, row[1]) for row in naive.resting)
    assert sorted(dump(book)) == want


@given(steps)
@settings(max_examples=150, deadline=None)
def test_it_never_crosses_and_every_fill_is_one_the_protocol_allows(tape: list[object]) -> None:
    book, log = run(tape)
    left: dict[bytes, int] = {}
    limits: dict[bytes, Place] = {}
    for command, _, events in log:
        if isinstance(command, Place):
            left[command.id], limits[command.id] = command.amount, command
        for event in events:
            if not isinstance(event, Matched):
                continue
            worth = event.price * event.quantity // 10
            assert event.price == limits[event.maker].price
            assert limits[event.maker].owner != limits[event.taker].owner
            for party in (event.maker, event.taker):
                buys = limits[party].side == Side.BUY
                assert event.price <= limits[party].price if buys else event.price >= limits[party].price
                assert worth >= min(100, left[party] * event.price // 10)
                left[party] -= event.quantity
                assert left[party] >= 0
            assert (left[event.maker], left[event.taker]) == (event.maker_left, event.taker_left)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    assert bid is None or ask is None or bid < ask
    totals: dict[tuple[int, int], int] = defaultdict(int)
    for side in Side:
        for order in book.resting(side):
            assert order.left == left[order.id] > 0
            totals[side, order.price] += order.left
    assert {(side, price): total for side in Side for price, total in book.depth(side, 99)} == totals


@given(steps)
@settings(max_examples=50, deadline=None)
def test_the_same_tape_gives_the_same_book_and_events(tape: list[object]) -> None:
    one, two = run(tape), run(tape)
    assert dump(one[0]) == dump(two[0])
    assert one[1] == two[1]


def test_a_hundred_thousand_events_a_second() -> None:
    book = Book(MARKET)
    for number in range(5_000):
        side = Side.BUY if number % 2 else Side.SELL
        book.place(place(number, side, 1_000 - number % 500 if side else 2_000 + number % 500, 100))
    commands: list[Command] = []
    for number in range(5_000, 25_000):
        kind = number % 10
        if kind < 7:
            buys = number % 2 == 0
            crossing = number % 13 == 0
            price = (2_010 if crossing else 1_000 + number % 500) if buys else (1_480 if crossing else 2_000 + kind)
            commands.append(place(number, Side.BUY if buys else Side.SELL, price, 100))
        else:
            commands.append(Remove(oid(number - 10)))
    start = time.process_time()
    for command in commands:
        book.apply(command)
    rate = len(commands) / (time.process_time() - start)
    print(f"{rate:,.0f} events a second")
    assert rate > 30_000  # over 400,000 on an idle machine; a busy one must not fail the suite
