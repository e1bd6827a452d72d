"""Traders that refuse, withhold, vanish and come back at random, while the broker is stopped and started.

Whatever they do: no state of the broker breaks a rule, both sides agree in the end, and every match is either in both
channels or carried by the broker.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.broker.kit import DOMAIN, ONE, PRICE, MemoryChain, Trader, running
from tests.broker.test_many import _quiet
from wallet.broker.server import Broker
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side, State, Transition


class Moody(Trader):
    """Answers as his chance has it."""

    def settle_down(self) -> None:
        self.decide = lambda _: "ack"

    def unsettle(self, chance: random.Random) -> None:
        held: dict[int, float] = {}

        def decide(state: State) -> str:
            if state.transition in (Transition.SETUP, Transition.FINALIZE):
                return "ack"
            now = time.monotonic()
            if held.setdefault(state.increment, now + (chance.random() < 0.1) * chance.random() * 1.5) > now:
                return "hold"
            refuses = state.transition in (Transition.TRADE, Transition.CREATE_ORDER) and chance.random() < 0.05
            return "refuse" if refuses else "ack"

        self.decide = decide


async def live(trader: Moody, chance: random.Random, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            if trader.peer is None or trader.peer.closed:
                trader.stop_beating()
                await trader.reconnect()
            roll = chance.random()
            if roll < 0.03:
                assert trader.peer is not None
                trader.peer.abort()
            elif roll < 0.15 and trader.last and trader.last.open_orders:
                await trader.cancel(chance.choice(trader.last.open_orders).id)
            else:
                price = PRICE + chance.randrange(-4, 5) * 10**6
                tif = chance.choice([TimeInForce.GOOD_TILL_TIME, *TimeInForce])
                amount = chance.randrange(1, 8) * ONE // 10
                await trader.order(chance.choice(list(Side)), price, amount, tif)
        except WalletError:
            pass  # refused for one of many good reasons, or the connection is gone
        await asyncio.sleep(chance.random() * 0.03)


async def calm(broker: Broker, traders: list[Moody]) -> None:
    for trader in traders:
        trader.settle_down()
    for trader in traders:
        if trader.peer is None or trader.peer.closed:
            trader.stop_beating()
            await trader.reconnect()
    await traders[0].until(lambda: _quiet(broker))


def judge(broker: Broker, traders: list[Moody]) -> None:
    filled = {Side.BUY: 0, Side.SELL: 0}
    for trader in traders:
        assert not trader.flags
        last = broker.floor.channels[trader.channel].last
        assert last is not None
        assert last.digest == trader.last_digest
        digests: dict[int, set[bytes]] = {}
        for proposal in trader.proposals:
            digests.setdefault(proposal.state.increment, set()).add(DOMAIN.digest(proposal.state).digest)
        assert all(len(found) == 1 for found in digests.values())
        for state in trader.states:
            for fill in state.fills:
                filled[trader.orders[fill.order].side] += fill.quantity
    store = broker.ledger.store
    traded = sum(int(row[0]) for row in store.rows("SELECT amount FROM trades"))
    owners = {order: trader for trader in traders for order in trader.orders}
    for order, quantity in store.rows("SELECT order_id, quantity FROM fills WHERE carried IS NOT NULL"):
        filled[owners[bytes(order)].orders[bytes(order)].side] += int(quantity)
    assert filled[Side.BUY] == filled[Side.SELL] == traded > ONE
    assert store.rows("SELECT count(*) FROM fills WHERE carried IS NULL") == [(0,)]


@pytest.mark.parametrize("seed", [1, 2])
def test_chaos(tmp_path: Path, seed: int) -> None:
    asyncio.run(play(tmp_path, seed, rounds=2, seconds=2.0))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 18))
def test_long_chaos(tmp_path: Path, seed: int) -> None:
    asyncio.run(play(tmp_path, seed, rounds=4, seconds=4.0))


async def play(folder: Path, seed: int, rounds: int, seconds: float) -> None:
    chain, chance = MemoryChain(), random.Random(seed)
    traders: list[Moody] = []
    port = 0
    for round_number in range(rounds):
        async with running(folder, chain, port, refused_fills=1_000, max_fills=3) as broker:
            port = broker.port
            if not round_number:
                traders = [Moody(f"ws://127.0.0.1:{port}") for _ in range(6)]
                await asyncio.gather(*(trader.open(chain) for trader in traders))
            for trader in traders:
                trader.unsettle(random.Random(chance.random()))
            stop = asyncio.Event()
            lives = [asyncio.create_task(live(trader, random.Random(chance.random()), stop)) for trader in traders]
            await asyncio.sleep(seconds)
            stop.set()
            await asyncio.gather(*lives)
            if round_number == rounds - 1:
                await calm(broker, traders)
                judge(broker, traders)
            for trader in traders:
                trader.settle_down()
                trader.stop_beating()
                assert trader.peer is not None
                trader.peer.abort()
