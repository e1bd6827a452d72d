"""A past for a market that was never there before: trades at the made-up prices, so that charts have something to show.

Only for a ledger that is empty, and only in a broker whose profile says that its prices are simulated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from wallet.broker.ledger import Ledger
from wallet.protocol.state import Side
from wallet.sandbox.plan import Plan
from wallet.sandbox.quotes import immediate

# (minutes ago from which, seconds between two trades): finer towards now, as charts are
_GRAIN = ((1_440, 120), (300, 20), (15, 3))


def backfill(path: Path, plans: Iterable[Plan], now: int, chance: Random) -> int:
    """Writes the past of each market that has none into the broker's file at ``path``; how many trades.

    ``now`` in Unix seconds. The broker must not be running yet.
    """
    ledger = Ledger(path, asyncio.get_running_loop().call_soon)
    try:
        empty = [plan for plan in plans if not ledger.trades(plan.config.pair, 1)]
        if not empty:
            return 0
        count = 0
        with ledger.turn():
            for time_ms in _times(now):
                for plan in empty:
                    side, price, amount = _trade(plan, time_ms, chance)
                    ledger.add_trade(plan.config.pair, time_ms, side, price, amount)
                    count += 1
        return count
    finally:
        ledger.close()


def _times(now: int) -> Iterator[int]:
    """Unix milliseconds, ascending, up to a second ago."""
    ends = [start for start, _ in _GRAIN[1:]] + [0]
    for (start, step), end in zip(_GRAIN, ends, strict=True):
        for second in range(now - start * 60, now - end * 60, step):
            yield second * 1_000


def _trade(plan: Plan, time_ms: int, chance: Random) -> tuple[Side, int, int]:
    """One trade as the taker could have made it: near the price, on either side of the spread."""
    side = chance.choice((Side.BUY, Side.SELL))
    quote = immediate(plan.style, side, plan.path.at(time_ms), chance, slippage=0)
    away = plan.style.half_spread if side is Side.BUY else -plan.style.half_spread
    return side, quote.price + away, quote.amount
