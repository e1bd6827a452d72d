"""Ladders of orders: what makers want in the book, and that they get there with few changes."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from wallet.protocol.state import OpenOrder, Side
from wallet.sandbox.plan import LEVELS, MAKERS, POLICY, Plan, plans
from wallet.sandbox.quotes import Changes, Share, changes, immediate, refresh

PLANS = plans(b"\x01" * 20, b"\x02" * 20, bytes(32))
SHARES = [Share(number, MAKERS) for number in range(MAKERS)]
PLAN = st.sampled_from(PLANS)
# anything the price path of either market could say, and more
MOVES = st.lists(st.integers(-300_000, 300_000), min_size=1, max_size=12)


def _apply(plan: Plan, have: list[OpenOrder], wanted: Changes) -> list[OpenOrder]:
    gone = {row.id for row in wanted.cancel}
    base, quote = plan.config.pair
    new = [
        OpenOrder(bytes([row.side]) + row.price.to_bytes(31, "big"), base, quote, row.side, row.price, row.amount, 0)
        for row in wanted.place
    ]
    return [row for row in have if row.id not in gone] + new


def _middle(plan: Plan, ppm: int) -> int:
    return plan.path.anchor + plan.path.anchor * ppm // 1_000_000


@given(PLAN, st.sampled_from(SHARES), MOVES, st.integers(0, 99))
def test_a_ladder_follows_the_price(plan: Plan, share: Share, moves: list[int], seed: int) -> None:
    """Wherever the price went, the book is full on both sides, uncrossed, of valid orders, within the limits."""
    chance, have, market = Random(seed), [], plan.config.rules
    for move in moves:
        middle = _middle(plan, move)
        have = _apply(plan, have, changes(plan.style, share, middle, have, chance))
        for side in Side:
            rows = [row for row in have if row.side == side]
            assert len(rows) == LEVELS
            assert len({row.price for row in rows}) == len(rows)
        best_bid = max(row.price for row in have if row.side == Side.BUY)
        best_ask = min(row.price for row in have if row.side == Side.SELL)
        assert best_bid < middle < best_ask
        assert len(have) <= POLICY.max_open_orders
        for row in have:
            assert row.price % market.tick_size == 0
            assert row.amount % market.lot_size == 0
            assert market.min_notional <= market.notional(row.price, row.amount) <= market.max_unacked


@given(PLAN, st.integers(-300_000, 300_000), st.integers(0, 99))
def test_nothing_to_do_where_nothing_moved(plan: Plan, move: int, seed: int) -> None:
    middle = _middle(plan, move)
    have = _apply(plan, [], changes(plan.style, SHARES[0], middle, [], Random(seed)))
    assert changes(plan.style, SHARES[0], middle, have, Random(seed)) == Changes((), ())


@given(PLAN, st.integers(-300_000, 300_000))
def test_a_small_move_asks_for_few_changes(plan: Plan, move: int) -> None:
    middle, share = _middle(plan, move), SHARES[1]
    have = _apply(plan, [], changes(plan.style, share, middle, [], Random(1)))
    wanted = changes(plan.style, share, middle + plan.style.cell, have, Random(1))
    assert len(wanted.cancel) <= 4
    assert len(wanted.place) <= 4


@given(PLAN, st.integers(-300_000, 300_000))
def test_makers_share_the_cells(plan: Plan, move: int) -> None:
    """No two makers stand at one price, and together they leave no cell out near the middle."""
    middle = _middle(plan, move)
    ladders = [{row.price for row in changes(plan.style, share, middle, [], Random(1)).place} for share in SHARES]
    assert not ladders[0] & ladders[1]
    prices = sorted(ladders[0] | ladders[1])
    assert max(after - before for before, after in pairwise(prices)) < 4 * plan.style.cell


@given(PLAN, st.integers(-300_000, 300_000), st.sampled_from(Side), st.integers(0, 999))
def test_a_taker_crosses_the_spread_with_a_valid_order(plan: Plan, move: int, side: Side, seed: int) -> None:
    middle, market = _middle(plan, move), plan.config.rules
    quote = immediate(plan.style, side, middle, Random(seed))
    reach = 3 * plan.style.cell
    assert quote.price >= middle + reach if side is Side.BUY else quote.price <= middle - reach
    assert quote.price % market.tick_size == 0
    assert quote.amount % market.lot_size == 0
    assert market.notional(quote.price, quote.amount) >= market.min_notional


def test_a_refresh_takes_one_of_the_own_orders_and_none_of_a_thin_ladder() -> None:
    plan = PLANS[0]
    have = _apply(plan, [], changes(plan.style, SHARES[0], plan.path.anchor, [], Random(1)))
    chance = Random(2)
    assert all(refresh(plan.style, plan.path.anchor, have, chance) in have for _ in range(50))
    assert refresh(plan.style, plan.path.anchor, have[: LEVELS - 1], chance) is None


def test_the_markets_are_exact() -> None:
    """tick × lot is a multiple of the unit: no rounding but the fee's."""
    for plan in PLANS:
        market = plan.config.rules
        assert market.tick_size * market.lot_size % market.unit == 0
        assert plan.style.cell % market.tick_size == 0
        assert plan.config.reference_price % market.tick_size == 0
