"""The past that a new market is given: in order, near the made-up prices, and given once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from wallet.broker.ledger import Ledger
from wallet.market.candles import INTERVALS, CandleSet
from wallet.sandbox.backfill import backfill
from wallet.sandbox.plan import plans
from wallet.sandbox.prices import PPM

NOW = 1_800_000_000
PLANS = plans(b"\x01" * 20, b"\x02" * 20, bytes(32))


def _history(path: Path) -> list[CandleSet]:
    async def read() -> list[CandleSet]:
        ledger = Ledger(path, asyncio.get_running_loop().call_soon)
        found = []
        for plan in PLANS:
            trades, market = ledger.trades(plan.config.pair, 100_000), plan.config.rules
            assert [trade.time_ms for trade in trades] == sorted({trade.time_ms for trade in trades})
            assert (NOW - 5) * 1_000 < trades[-1].time_ms < NOW * 1_000
            for trade in trades:
                assert trade.price % market.tick_size == trade.amount % market.lot_size == 0
                assert market.notional(trade.price, trade.amount) >= market.min_notional
                away = abs(trade.price - plan.path.at(trade.time_ms))
                assert away <= plan.style.half_spread + market.tick_size
            candles = CandleSet()
            candles.add(trades)
            found.append(candles)
        ledger.close()
        return found

    return asyncio.run(read())


def _fill(path: Path, now: int) -> int:
    async def fill() -> int:
        return backfill(path, PLANS, now, Random(1))

    return asyncio.run(fill())


def test_every_chart_has_a_past(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    assert _fill(path, NOW) > 1_000
    for candles in _history(path):
        lengths = {interval: len(candles.of(interval) or ()) for interval in INTERVALS}
        assert lengths[60] >= 300
        assert lengths[300] >= 250
        assert lengths[3_600] >= 24
        assert lengths[1] >= 200


def test_only_an_empty_market_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    _fill(path, NOW)
    assert _fill(path, NOW + 60) == 0
    _history(path)


def test_the_past_is_within_reach_of_the_present() -> None:
    for plan in PLANS:
        assert plan.path.reach < PPM // 10
