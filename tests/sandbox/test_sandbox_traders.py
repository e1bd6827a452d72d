"""The sandbox's own traders, against its real chain and broker: they go on, begin anew, and are forgotten in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random

import pytest

from tests.sandbox.sandbox_process import eventually
from wallet.history.journal import Journal
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.sandbox import upkeep
from wallet.sandbox.boot import Sandbox, sandbox
from wallet.sandbox.plan import ETH
from wallet.sandbox.quotes import Share
from wallet.sandbox.strategies import Maker, Taker
from wallet.sandbox.trader import MAX_STRIKES, Strategy, Trader
from wallet.sandbox.upkeep import trim_broker, trim_channel
from wallet.session.channel import TraderChannel
from wallet.session.link import BrokerLink
from wallet.session.phases import Phase

pytestmark = pytest.mark.e2e


@contextlib.asynccontextmanager
async def at_work(path: Path, found: Sandbox, strategy: Strategy) -> AsyncIterator[Trader]:
    """A trader with the means of the first market's makers."""
    trader = Trader(path, found.profile, dict(found.plans[0].inventory), strategy, found.give)
    task = asyncio.create_task(trader.run())
    try:
        yield trader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        trader.close()


def _increments(trader: Trader) -> int:
    return max((channel.last.state.increment for channel in trader.link.channels.values() if channel.last), default=0)


def _channel(trader: Trader) -> TraderChannel:
    """Its newest."""
    return next(reversed(trader.link.channels.values()))


class Unlucky:
    """Nothing it tries in its first channel works."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    async def step(self, link: BrokerLink, channel: TraderChannel) -> float:
        if channel.id not in self.seen:
            self.seen.append(channel.id)
        if len(self.seen) == 1:
            raise WalletError("ORD-FUNDS")
        return 0.01


def test_a_channel_of_no_more_use_is_left_for_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finalized, closed, the money taken home, and the next channel opened with it."""
    monkeypatch.setattr("wallet.sandbox.trader.RETRY", 0.1)

    async def path() -> None:
        given: list[Mapping[bytes, int]] = []
        strategy = Unlucky()
        async with sandbox(tmp_path / "box") as found:

            async def give(address: bytes, amounts: Mapping[bytes, int]) -> None:
                given.append(amounts)
                await found.give(address, amounts)

            trader = Trader(tmp_path / "one.db", found.profile, {NATIVE: ETH}, strategy, give)
            task = asyncio.create_task(trader.run())
            try:
                await eventually(lambda: len(strategy.seen) == 2, 30)
                old, new = (trader.link.channels[channel] for channel in strategy.seen)
                assert Phase(old.record.phase) is Phase.WITHDRAWN
                assert old.final
                assert Phase(new.record.phase) is Phase.OPEN
                assert given[0] == {NATIVE: 2 * ETH}
                assert all(amounts[NATIVE] < ETH // 10 for amounts in given[1:])  # gas, and nothing but gas
                trader.forget_past_channels()
                assert [record.id for record in trader.journal.channels()] == [new.id]
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                trader.close()

    asyncio.run(path())
    assert MAX_STRIKES > 1


def test_traders_go_on_after_a_restart_and_the_past_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the past of the traders that are named is forgotten, on both sides, and what is left suffices to go on."""
    kept = 10
    monkeypatch.setattr(upkeep, "KEPT", kept)

    async def path() -> None:
        async with sandbox(tmp_path / "box") as found:
            maker = Maker(found.plans[0], Share(0, 1), Random(1))
            taker = Taker(found.plans[:1], Random(2))
            async with (
                at_work(tmp_path / "maker.db", found, maker) as one,
                at_work(tmp_path / "taker.db", found, taker) as other,
            ):
                await eventually(lambda: _increments(one) > 40 and _increments(other) > 6, 40)
                trim_broker(found.broker, {one.address})
                channel = _channel(one)
                before = channel.next_nonce()
                assert channel.last is not None
                channel.requests.forget_past(channel.last.state, kept)
                assert channel.next_nonce() == before
                trim_channel(one.journal, channel.id)
                journal = found.broker.ledger.journal
                assert _lowest(journal, channel.id) >= _increments(one) - kept - 2
                assert _lowest(one.journal, channel.id) >= _increments(one) - kept - 2
                assert _lowest(journal, _channel(other).id) == 0
                resting = {row.id for row in channel.last.state.open_orders}
                assert len(resting) > 10
                assert all(one.journal.intent(order) is not None for order in resting)
                assert resting <= channel.requests.orders.keys()
                assert len(channel.requests.orders) <= len(resting) + kept + 1
                reached = _increments(one), _increments(other)
        async with sandbox(tmp_path / "box") as again:
            maker = Maker(again.plans[0], Share(0, 1), Random(3))
            taker = Taker(again.plans[:1], Random(4))
            async with (
                at_work(tmp_path / "maker.db", again, maker) as one,
                at_work(tmp_path / "taker.db", again, taker) as other,
            ):
                assert (len(one.link.channels), len(other.link.channels)) == (1, 1)
                await eventually(lambda: _increments(one) > reached[0] + 3 and _increments(other) > reached[1] + 3, 40)
                assert not _channel(one).evidence.rows
                assert not _channel(other).evidence.rows

    asyncio.run(path())


def _lowest(journal: Journal, channel: bytes) -> int:
    return journal.after(channel, -1, 1)[0].state.increment
