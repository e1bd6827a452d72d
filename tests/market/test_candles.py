"""Trades and candles: bounded, integer, and the same whether they were seen one by one or all at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.market.candles import INTERVALS, Candle, Candles, CandleSet, filled
from wallet.market.trades import Tape, Trade


def trade(number: int, second: int, price: int, amount: int = 1) -> Trade:
    return Trade(number, second * 1000, 0, price, amount)


def test_candles_by_example() -> None:
    candles = Candles(60)
    for row in (trade(1, 0, 10), trade(2, 30, 14, 2), trade(3, 59, 8), trade(4, 60, 9, 5), trade(5, 200, 11)):
        candles.add(row)
    assert candles.last(10) == (Candle(0, 10, 14, 8, 8, 4), Candle(60, 9, 9, 9, 9, 5), Candle(180, 11, 11, 11, 11, 1))
    assert candles.last(1) == (Candle(180, 11, 11, 11, 11, 1),)
    assert candles.last(0) == ()


def test_a_trade_from_the_past_counts_to_the_last_candle() -> None:
    candles = Candles(60)
    candles.add(trade(1, 600, 10))
    candles.add(trade(2, 10, 3))
    assert candles.last(9) == (Candle(600, 10, 10, 3, 3, 2),)


def test_candles_are_bounded() -> None:
    candles = Candles(1, kept=3)
    for number in range(10):
        candles.add(trade(number + 1, number, 5))
    assert [row.start for row in candles.last(99)] == [7, 8, 9]


def test_history_that_can_not_be_is_dropped() -> None:
    candles = Candles(60)
    good = Candle(60, 5, 7, 4, 6, 1)
    candles.load([good, good, Candle(0, 5, 7, 4, 6, 1), Candle(121, 5, 7, 4, 6, 1), Candle(180, 5, 4, 4, 4, 1)])
    assert candles.last(9) == (good,)


def test_holes_repeat_the_close_before_them() -> None:
    rows = (Candle(0, 1, 2, 1, 2, 9), Candle(30, 3, 3, 3, 3, 1))
    assert filled(rows, 10, 9) == (rows[0], Candle(10, 2, 2, 2, 2, 0), Candle(20, 2, 2, 2, 2, 0), rows[1])
    assert filled(rows, 10, 2) == (Candle(20, 2, 2, 2, 2, 0), rows[1])
    assert filled((), 10, 2) == ()


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 99), st.integers(1, 9)), max_size=60))
def test_candles_hold_exactly_the_trades(steps: list[tuple[int, int, int]]) -> None:
    second, rows = 0, []
    for number, (wait, price, amount) in enumerate(steps, 1):
        second += wait
        rows.append(trade(number, second, price, amount))
    candles = CandleSet()
    candles.add(rows)
    for interval in INTERVALS:
        of = candles.of(interval)
        assert of is not None
        for candle in of.last(1_000):
            inside = [row for row in rows if row.time_ms // 1000 // interval * interval == candle.start]
            prices = [row.price for row in inside]
            assert candle == Candle(
                candle.start, prices[0], max(prices), min(prices), prices[-1], sum(row.amount for row in inside)
            )
        assert sum(candle.volume for candle in of.last(1_000)) == sum(row.amount for row in rows)


def test_the_tape_drops_repeats_and_is_bounded() -> None:
    tape = Tape(3)
    assert tape.add([trade(1, 0, 5), trade(2, 0, 5)]) == [trade(1, 0, 5), trade(2, 0, 5)]
    assert tape.add([trade(2, 0, 5), trade(3, 0, 5), trade(4, 0, 0)]) == [trade(3, 0, 5)]
    tape.add([trade(5, 0, 5)])
    assert [row.id for row in tape.trades()] == [2, 3, 5]


def test_an_interval_is_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        Candles(0)
