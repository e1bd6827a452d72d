"""What taking from the book would bring: by example, and against a walk unit by unit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gui.scripted import ETH_USDT
from wallet.app.snapshots import BookView
from wallet.gui.models.sweep import affordable, sweep
from wallet.market.protection import protection

ONE = 10**18
TICK = ETH_USDT.tick_size
BOOK = BookView(
    "ETH/USDT",
    1,
    bids=((2_990_000_000, 2 * ONE), (2_900_000_000, 3 * ONE)),
    asks=((3_010_000_000, ONE), (3_100_000_000, 2 * ONE), (3_400_000_000, 5 * ONE)),
    stale=False,
    updated_ms=0,
)


def test_a_buy_walks_up_the_asks() -> None:
    found = sweep(BOOK, ETH_USDT, "buy", 2 * ONE, 3_400_000_000)
    assert found is not None
    assert (found.filled, found.value, found.worst, found.whole) == (2 * ONE, 6_110_000_000, 3_100_000_000, True)
    assert found.average == 3_055_000_000
    assert found.slippage == 18_334  # 55 above a middle of 3000, rounded up
    assert found.share == 250_000
    assert not found.is_dear


def test_a_sell_walks_down_the_bids() -> None:
    found = sweep(BOOK, ETH_USDT, "sell", 4 * ONE, 2_900_000_000)
    assert found is not None
    assert (found.value, found.worst, found.average) == (11_780_000_000, 2_900_000_000, 2_945_000_000)


def test_what_stands_beyond_the_limit_is_not_taken() -> None:
    found = sweep(BOOK, ETH_USDT, "buy", 4 * ONE, 3_100_000_000)
    assert found is not None
    assert (found.filled, found.whole, found.needs_consent) == (3 * ONE, False, True)
    assert sweep(BOOK, ETH_USDT, "buy", ONE, 3_000_000_000) is None
    assert sweep(replace(BOOK, asks=()), ETH_USDT, "buy", ONE, 9_000_000_000) is None


def test_from_five_percent_on_consent_is_asked_for() -> None:
    cheap = sweep(BOOK, ETH_USDT, "buy", 3 * ONE, 3_400_000_000)
    dear = sweep(BOOK, ETH_USDT, "buy", 6 * ONE, 3_400_000_000)
    assert cheap is not None
    assert dear is not None
    assert (cheap.is_dear, cheap.needs_consent) == (True, False)
    assert dear.needs_consent


@pytest.mark.parametrize(
    ("side", "best", "cap", "price"),
    [
        ("buy", 3_000_000_000, 10_000, 3_030_000_000),
        ("buy", 3_000_010_000, 10_000, 3_030_010_000),  # floored to the tick: never beyond the cap
        ("sell", 3_000_000_000, 10_000, 2_970_000_000),
        ("sell", 3_000_010_000, 10_000, 2_970_010_000),
        ("buy", TICK, 1_000, TICK),  # a cap of less than a tick: the best price itself
        ("sell", TICK, 1_000, TICK),
    ],
)
def test_a_price_of_protection_is_on_tick_and_within_the_cap(side: str, best: int, cap: int, price: int) -> None:
    assert protection(ETH_USDT.tick_size, best, side, cap) == price


levels = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 50)), min_size=1, max_size=8)


@given(levels, st.integers(1, 300), st.integers(1, 400), st.sampled_from(["buy", "sell"]))
def test_an_estimate_is_what_a_unit_by_unit_walk_pays(
    rows: list[tuple[int, int]], lots: int, limit: int, side: str
) -> None:
    lot = ETH_USDT.lot_size
    there = dict(rows)
    ordered = sorted(there.items(), reverse=side == "sell")
    book = tuple((price * TICK, amount * lot) for price, amount in ordered)
    view = replace(BOOK, bids=book, asks=()) if side == "sell" else replace(BOOK, bids=(), asks=book)
    units = [price for price, amount in ordered for _ in range(amount)]
    taken = [price for price in units[:lots] if (price <= limit if side == "buy" else price >= limit)]
    found = sweep(view, ETH_USDT, side, lots * lot, limit * TICK)
    if not taken:
        assert found is None
        return
    assert found is not None
    exact = sum(taken) * TICK * lot  # in units of a quote base unit times `unit`
    assert found.filled == len(taken) * lot
    assert found.worst == taken[-1] * TICK
    assert found.whole == (len(taken) == lots)
    against = found.value * ETH_USDT.unit - exact
    assert 0 <= (against if side == "buy" else -against) < len(book) * ETH_USDT.unit


@given(levels, st.integers(1, 10**12), st.integers(1, 400))
def test_what_a_value_affords_costs_no_more_than_it(rows: list[tuple[int, int]], value: int, limit: int) -> None:
    asks = tuple((price * TICK, amount * ETH_USDT.lot_size) for price, amount in sorted(dict(rows).items()))
    view = replace(BOOK, bids=(), asks=asks)
    amount = affordable(view, ETH_USDT, "buy", value, limit * TICK)
    assert amount % ETH_USDT.lot_size == 0
    found = sweep(view, ETH_USDT, "buy", amount, limit * TICK) if amount else None
    if found is not None:
        assert found.whole
        assert found.value <= value + len(asks)
