"""What screens and the command line say of a channel: who owes a signature, what hinders, how long one may be away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from tests.session.ground import Ground, ground
from tests.session.moves import cancelled, filled, proposal, shown
from wallet.app import views
from wallet.session.clock import Clock
from wallet.session.phases import Phase


def run(path: Path, work: Callable[[Ground], Awaitable[None]]) -> None:
    async def main() -> None:
        async with ground(path) as there:
            await work(there)

    asyncio.run(main())


def test_who_owes_the_next_signature(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        channel = there.channel
        assert views.awaiting(channel) == "broker"  # two orders that he took and has not opened
        for order in (there.fresh, there.unsent):
            channel.requests.mark(order.id, "rejected")
        assert views.awaiting(channel) == ""
        await there.link.cancel(channel, bytes.fromhex(there.buy[2:]))
        assert views.awaiting(channel) == "broker"  # receipted, and no state yet
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))
        assert views.awaiting(channel) == ""
        channel.clock = Clock(now=lambda: time.time() - 500)
        state = shown(cancelled(there, there.sell))
        state[0]["time"] = int(time.time())
        assert (await there.liar.show(*state))["error"] == "HELD"
        assert (views.awaiting(channel), views.hindrance(channel)) == ("trader", "HELD")
        channel.clock = Clock()
        channel.echoed = None
        channel.propose(proposal(there, filled(there, there.sell)))
        assert (views.awaiting(channel), views.hindrance(channel)) == ("broker", "")  # for our void

    run(tmp_path, work)


def test_what_keeps_a_channel_from_trading(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        assert views.hindrance(there.channel) == ""
        there.channel.roll_back("a test")
        assert views.hindrance(there.channel) == "RESTORED"
        there.channel.fork(2)
        assert views.hindrance(there.channel) == "RES-FORK"

    run(tmp_path, work)


def test_how_long_one_may_be_away(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        channel, now = there.channel, 1_800_000_000.0
        period = channel.terms.challenge_period
        left = {Phase.OPEN: period, Phase.FINAL: period, Phase.DISPUTED: 90, Phase.SETTLED: 0, Phase.AGREED: 0}
        for phase, seconds in left.items():
            channel.record = replace(channel.record, phase=phase.value)
            assert views.offline_safe(channel, int(now) + 90, now) == seconds
        channel.record = replace(channel.record, phase=Phase.DISPUTED.value)
        assert views.offline_safe(channel, int(now) - 5, now) == 0

    run(tmp_path, work)
