"""What the sandbox's traders do: makers keep a ladder of orders around the price, the taker trades against them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random

from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import OpenOrder, Side
from wallet.sandbox.plan import Plan
from wallet.sandbox.quotes import Share, changes, immediate, refresh
from wallet.session.channel import TraderChannel
from wallet.session.link import BrokerLink

BURST = 8  # requests in a step: a maker never stands in the way of who trades by hand
PACE = 0.5  # seconds between two looks of a maker
REFRESH_EVERY = 1.5  # seconds, on average, between two changes of size
TRADE_EVERY = 0.6  # seconds, on average, between two trades of the taker
LIFETIME = 3_600
_CAUTION = 5  # how strongly the taker leans against what he has bought or sold


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Maker:
    """Quotes one market; several share it."""

    def __init__(self, plan: Plan, share: Share, chance: Random) -> None:
        self._plan = plan
        self._share = share
        self._chance = chance
        self._leaving: set[bytes] = set()

    async def step(self, link: BrokerLink, channel: TraderChannel) -> float:
        assert channel.last is not None
        style, middle = self._plan.style, self._plan.path.at(_now_ms())
        resting = channel.last.state.open_orders
        self._leaving &= {row.id for row in resting}
        have = [row for row in resting if row.id not in self._leaving]
        coming = [OpenOrder(b"", o.base, o.quote, o.side, o.price, o.amount, 0) for o in channel.uncertain()]
        wanted = changes(style, self._share, middle, (*have, *coming), self._chance)
        gone = [row for row in wanted.cancel if row.id]
        if not gone and not wanted.place and self._chance.random() < PACE / REFRESH_EVERY:
            old = refresh(style, middle, have, self._chance)
            gone = [old] if old else []
        await self._cancel(link, channel, gone[:BURST])
        # What is on its way out still takes up room.
        room = channel.terms.max_open_orders - len(resting) - len(coming)
        for quote in wanted.place[: min(BURST, max(room, 0))]:
            await link.place(
                channel,
                self._plan.config.pair,
                quote.side,
                quote.price,
                quote.amount,
                TimeInForce.POST_ONLY,
                LIFETIME + self._chance.randrange(LIFETIME),
            )
        return PACE * self._chance.uniform(0.8, 1.2) if not wanted.place else PACE / 5

    async def _cancel(self, link: BrokerLink, channel: TraderChannel, rows: Sequence[OpenOrder]) -> None:
        for row in rows:
            self._leaving.add(row.id)
            await link.cancel(channel, row.id)


class Taker:
    """Takes small amounts from all markets, now on one side and now on the other."""

    def __init__(self, plans: Sequence[Plan], chance: Random) -> None:
        self._plans = plans
        self._chance = chance

    async def step(self, link: BrokerLink, channel: TraderChannel) -> float:
        plan = self._chance.choice(self._plans)
        side = Side.BUY if self._chance.random() < self._leaning(plan, channel) else Side.SELL
        quote = immediate(plan.style, side, plan.path.at(_now_ms()), self._chance)
        await link.place(
            channel, plan.config.pair, side, quote.price, quote.amount, TimeInForce.IMMEDIATE_OR_CANCEL, 60
        )
        return min(self._chance.expovariate(1 / TRADE_EVERY), 6 * TRADE_EVERY)

    def _leaning(self, plan: Plan, channel: TraderChannel) -> float:
        """The chance that he buys: less the more he has bought before."""
        assert channel.last is not None
        base = plan.config.rules.base
        net = next(row.to_trader - row.to_broker for row in channel.last.state.outcomes if row.asset == base)
        brought = next(row.allocation for row in channel.terms.assets if row.asset == base)
        return min(max(0.5 - _CAUTION * net / max(brought, 1), 0.1), 0.9)
