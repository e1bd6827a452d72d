"""Clocks that are wrong: held and told, never flagged, never signed. F11."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.session.ground import CHANNEL, Ground, ground
from tests.session.moves import cancelled, shown
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.session.clock import Clock, awake_or_asleep
from wallet.session.clocks import difference

NOW = 1_800_000_000
DAY, YEAR = 86_400, 31_536_000


@pytest.mark.parametrize(
    ("ahead", "block", "told"),
    [
        (0, NOW, None),
        (60, NOW, None),  # A13: off by 60 s is nothing
        (-60, NOW, None),
        (120, NOW + 118, "CLOCK_OURS"),  # ours is before a block that exists
        (-120, NOW - 2, "CLOCK_BROKER"),
        (DAY, NOW + DAY, "CLOCK_OURS"),
        (DAY, NOW - 3, "CLOCK_BROKER"),  # the chain goes on by our time
        (-DAY, NOW - DAY - 3, "CLOCK_OURS"),  # and by his
        (-10 * YEAR, NOW - 10 * YEAR, "CLOCK_OURS"),
        (DAY, NOW - 7 * DAY, "CLOCK_UNSURE"),  # no block for a week: a quiet chain says nothing
        (DAY, 0, "CLOCK_UNSURE"),
        (-DAY, 0, "CLOCK_UNSURE"),
    ],
)
def test_whose_clock_is_wrong(ahead: int, block: int, told: str | None) -> None:
    found = difference(ahead, NOW, block)
    assert (found and found.code) == told
    if found is not None:
        assert found.params == {"seconds": abs(ahead)}


def run(path: Path, work: Callable[[Ground], Awaitable[None]]) -> None:
    async def main() -> None:
        async with ground(path) as there:
            await work(there)

    asyncio.run(main())


def shift(there: Ground, seconds: float) -> None:
    """The wall clock is set to another time; what measures durations goes on."""
    clock = Clock(now=lambda: time.time() + seconds)
    there.link.clock = there.channel.clock = clock
    there.link._talk._clock = clock


@pytest.mark.parametrize("back", [DAY, 121])
def test_a_state_ahead_of_our_clock_is_held_and_signed_once_the_clock_is_right(tmp_path: Path, back: int) -> None:
    async def work(there: Ground) -> None:
        state = shown(cancelled(there, there.buy))
        shift(there, -back)
        there.link.block_time = lambda: int(time.time())
        answer = await there.liar.show(*state)
        assert answer["error"] == "HELD"
        assert there.channel.held == state[0]["time"]
        assert there.journal.flags(CHANNEL) == []
        assert there.signatures_of_trader(3) == []
        await there.link.heartbeat(there.channel)
        assert there.link.live.problem is not None
        assert there.link.live.problem.code == "CLOCK_OURS"
        shift(there, 0)
        assert "ack" in await there.liar.show(*state)
        assert there.channel.held is None
        await there.link.heartbeat(there.channel)
        assert there.link.live.problem is None

    run(tmp_path, work)


@pytest.mark.parametrize("forward", [10 * YEAR, DAY, 3_600])
def test_a_clock_set_forward_flags_nothing_and_expires_nothing(tmp_path: Path, forward: int) -> None:
    """Deadlines run by the clock that only counts: an order of an hour is not dead because a year was set."""

    async def work(there: Ground) -> None:
        await there.link.heartbeat(there.channel)
        shift(there, forward)
        from tests.session.moves import filled

        assert "ack" in await there.liar.show(*shown(filled(there, there.buy)))
        assert there.journal.flags(CHANNEL) == []

    run(tmp_path, work)


def test_no_order_is_signed_with_clocks_far_apart(tmp_path: Path) -> None:
    """Its deadlines would mean nothing to who reads them."""

    async def work(there: Ground) -> None:
        market = there.channel.terms.markets[0]

        async def place() -> None:
            await there.link.place(
                there.channel, (market.base, market.quote), Side.BUY, 10**9, 10**18, TimeInForce.GOOD_TILL_TIME, 60
            )

        shift(there, -700)
        there.link.block_time = lambda: int(time.time())
        await there.link.heartbeat(there.channel)
        with pytest.raises(WalletError, match="CLOCK_OURS"):
            await place()
        assert there.liar.orders == []
        shift(there, -300)
        await there.link.heartbeat(there.channel)
        await place()
        assert len(there.liar.orders) == 1

    run(tmp_path, work)


def test_durations_are_not_measured_by_the_wall_clock() -> None:
    clock = Clock(now=lambda: time.time() - DAY)
    assert abs(clock.monotonic() - awake_or_asleep()) < 1
