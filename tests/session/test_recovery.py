"""Restored channels: what comes next, and bounds on what an old state may lack that no play of the rules breaks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.session.ground import OwnerKeys, ground
from tests.session.test_restored import patient
from tests.support.game import ETH, LOT, ONE, PRICE, TICK, USDT, WBTC, Game
from wallet.protocol.state import Side, payouts
from wallet.session.phases import Phase
from wallet.session.recovery import Share, Step, next_step, shares


def bound(game: Game, asset: bytes) -> Share:
    return next(row for row in shares(game.terms, game.last) if row.asset == asset)


def test_without_orders_only_what_came_after_can_be_lacking() -> None:
    game = Game()
    assert shares(game.terms, game.last) == (
        Share(ETH, 2 * ONE, 0, 10 * ONE),
        Share(USDT, 10_000 * 10**6, 0, 20_000 * 10**6),
        Share(WBTC, 0, 0, 10**8),
    )


def test_open_orders_bring_what_they_buy_and_what_they_sell_for() -> None:
    game = Game()
    buy = game.open(side=Side.BUY, amount=ONE)
    game.open(side=Side.SELL, amount=ONE // 2, price=2 * PRICE)
    assert (bound(game, ETH).by_orders, bound(game, USDT).by_orders) == (ONE, PRICE)
    game.apply(game.trade(game.fill(buy, ONE // 4)))
    assert bound(game, ETH) == Share(ETH, 2 * ONE + ONE // 4, ONE - ONE // 4, 10 * ONE - ONE // 4)


def test_an_order_that_was_sent_and_is_not_seen_open_counts_too() -> None:
    game = Game()
    wish = game.intent(side=Side.BUY, amount=3 * ONE).order
    (eth, usdt, _) = shares(game.terms, game.last, [wish])
    assert (eth.by_orders, usdt.by_orders) == (3 * ONE, 0)


def test_no_more_than_the_broker_has_put_in() -> None:
    game = Game()
    wish = game.intent(side=Side.BUY, amount=30 * ONE).order
    assert shares(game.terms, game.last, [wish])[0].by_orders == 10 * ONE


plays = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 4_000), st.integers(-50, 50), st.integers(0, 4_000)))


@given(before=plays, filled=st.lists(st.integers(0, 4_000)), after=plays)
def test_whatever_is_played_on_pays_no_more_than_was_said(before: list, filled: list, after: list) -> None:
    """First the known orders alone, at their limits; then anything the rules let happen."""
    game = Game()
    _play(game, before)
    said = {row.asset: row for row in shares(game.terms, game.last)}
    for order, lots in zip(game.last.open_orders, filled, strict=False):
        _fill(game, order.id, min(lots * LOT, order.amount - order.filled), order.price)
    for asset, pays, _ in payouts(game.terms, game.last):
        assert pays <= said[asset].pays + said[asset].by_orders
    _play(game, after)
    for asset, pays, _ in payouts(game.terms, game.last):
        assert 0 <= pays <= said[asset].pays + said[asset].at_most


def _play(game: Game, moves: list) -> None:
    from wallet.protocol.transitions import RuleBroken

    for side, lots, ticks, quantity in moves:
        try:
            order = game.open(side=side, amount=lots * LOT, price=PRICE + ticks * TICK)
        except RuleBroken:
            continue
        _fill(game, order, min(quantity, lots) * LOT, PRICE + ticks * TICK)


def _fill(game: Game, order: bytes, quantity: int, price: int) -> None:
    from wallet.protocol.transitions import RuleBroken

    try:
        game.apply(game.trade(game.fill(order, quantity, price)))
    except RuleBroken:
        return


def test_what_comes_next(tmp_path: Path) -> None:
    async def main() -> None:
        async with ground(tmp_path, keys=OwnerKeys(), prepare=patient) as there:
            channel = there.channel
            assert next_step(channel, online=True) is Step.FINALIZE
            assert next_step(channel, online=False) is Step.CONNECT
            channel.shown = False
            assert next_step(channel, online=True) is Step.ALONE  # all was asked, and this channel is barred
            channel.forked = True
            assert next_step(channel, online=False) is Step.ALONE
            channel.forked, key = False, channel.signer
            channel.signer = None
            assert next_step(channel, online=True) is Step.UNLOCK
            channel.signer = key
            for phase, step in (
                (Phase.DISPUTED, Step.DISPUTED),
                (Phase.CLOSING, Step.WITHDRAW),
                (Phase.SETTLED, Step.WITHDRAW),
                (Phase.WITHDRAWN, Step.NONE),
                (Phase.ABANDONED, Step.NONE),
            ):
                there.channel.record = _in_phase(channel, phase)
                assert next_step(channel, online=True) is step, phase
            channel.restored = False
            assert next_step(channel, online=True) is Step.NONE

    asyncio.run(main())


def _in_phase(channel, phase: Phase):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(channel.record, phase=phase.value)


@pytest.mark.parametrize("field", ["pays", "by_orders", "at_most"])
def test_no_figure_is_below_zero(field: str) -> None:
    game = Game()
    sell = game.open(side=Side.SELL, amount=ONE)
    game.apply(game.trade(game.fill(sell, ONE)))
    assert all(getattr(row, field) >= 0 for row in shares(game.terms, game.last))
