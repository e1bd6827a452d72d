"""Fifty traders at once, on one broker."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable
from pathlib import Path

from tests.broker.kit import ONE, PRICE, MemoryChain, Trader, running, url_of
from tests.broker.test_presence import PAIR
from tests.support.game import ETH, USDT
from wallet.broker.server import Broker
from wallet.protocol.amounts import PPM
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side


def test_fifty_traders_at_once(tmp_path: Path) -> None:
    """Nobody is flagged, both sides agree, and what was traded and paid adds up to the unit."""

    async def whole() -> None:
        chain = MemoryChain()
        async with running(tmp_path, chain, heartbeat=5, answer_time=10) as broker:
            traders = [Trader(url_of(broker)) for _ in range(50)]
            await asyncio.gather(*(trader.open(chain) for trader in traders))
            chance = random.Random(3)
            start = time.perf_counter()
            await asyncio.gather(*(_trade(trader, random.Random(chance.random()), 12) for trader in traders))
            elapsed = time.perf_counter() - start
            await traders[0].until(lambda: _quiet(broker))
            states = sum(len(trader.states) for trader in traders)
            print(f"{states} states in {elapsed:.1f} s: {states / elapsed:.0f} a second")
            _judge(broker, traders)
            await asyncio.gather(*(trader.disconnect() for trader in traders))

    asyncio.run(whole())


async def _trade(trader: Trader, chance: random.Random, count: int) -> None:
    codes: list[str] = []
    for _ in range(count):
        side = chance.choice(list(Side))
        price = PRICE + chance.randrange(-5, 6) * 10**6
        tif = chance.choice([TimeInForce.GOOD_TILL_TIME] * 3 + list(TimeInForce))
        amount = chance.randrange(1, 6) * ONE // 10
        codes.append(await _code(trader.order(side, price, amount, tif)))
        if not codes[-1] and chance.random() < 0.2:
            codes.append(await _code(trader.cancel(next(reversed(trader.orders)))))
        await asyncio.sleep(chance.random() / 20)
    assert set(codes) <= {"", "ORD-FUNDS", "ORDER_COLLATERAL", "ORD-COUNT", "ORDER_QUEUE"}


async def _code(request: Awaitable[object]) -> str:
    """What it was rejected with, "" if it was not."""
    try:
        await request
    except WalletError as error:
        return error.code
    return ""


def _quiet(broker: Broker) -> bool:
    return not any(
        channel.pending or channel.fills or channel.queue or channel.cancels
        for channel in broker.floor.channels.values()
    )


def _judge(broker: Broker, traders: list[Trader]) -> None:
    nets = {ETH: 0, USDT: 0}
    fees = {ETH: 0, USDT: 0}
    bought = sold = 0
    for trader in traders:
        assert not trader.flags
        last = broker.floor.channels[trader.channel].last
        assert last is not None
        assert last.digest == trader.last_digest
        for state in trader.states:
            for fill in state.fills:
                buys = trader.orders[fill.order].side == Side.BUY
                fees[ETH if buys else USDT] += fill.fee
                bought += fill.quantity if buys else 0
                sold += 0 if buys else fill.quantity
        for row in last.state.outcomes:
            nets[row.asset] = nets.get(row.asset, 0) + row.to_trader - row.to_broker
    assert bought == sold > 10 * ONE
    assert broker.ledger.carried() == 0
    # what the traders lost together is what they paid in fees
    assert (nets[ETH], nets[USDT]) == (-fees[ETH], -fees[USDT])
    assert 0 < fees[ETH] <= bought * 1_000 // PPM
    book = broker.floor.books[PAIR]
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    assert bid is None or ask is None or bid < ask
    open_orders = {row.id for trader in traders for row in trader.last.open_orders}  # type: ignore[union-attr]
    assert open_orders == set(book._orders)
