"""Orders asked for once are signed once: rejected, unknown, and how the unknown resolves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.session.ground import CHANNEL, SESSION, Ground, ground
from tests.session.moves import opened, shown
from tests.support.waiting import PATIENCE, until
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock, awake_or_asleep
from wallet.session.link import BrokerLink


def run(path: Path, work: Callable[[Ground], Awaitable[None]]) -> None:
    async def main() -> None:
        async with ground(path) as there:
            await work(there)

    asyncio.run(main())


async def place(there: Ground, client_id: str, link: BrokerLink | None = None) -> bytes:
    link = link or there.link
    channel = link.channels[CHANNEL]
    market = channel.terms.markets[0]
    return await link.place(
        channel, (market.base, market.quote), Side.BUY, 10**9, 10**18, TimeInForce.GOOD_TILL_TIME, 60, client_id
    )


async def code_of(work: Awaitable[object]) -> str:
    with pytest.raises(WalletError) as caught:
        await work
    return caught.value.code


def test_asked_for_again_it_is_the_same_order(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        order = await place(there, "mine-1")
        assert await place(there, "mine-1") == order
        assert len(there.liar.orders) == 1  # he has it: nothing is said twice
        assert await place(there, "mine-2") != order
        assert await code_of(place(there, "x" * 65)) == "CLIENT_ID"

    run(tmp_path, work)


def test_unknown_is_not_rejected_and_the_same_bytes_go_out_again(tmp_path: Path) -> None:
    """The connection breaks under the request: nobody knows. After a restart of the whole program, too."""

    async def work(there: Ground) -> None:
        there.liar.no = None
        real = there.liar.peers[-1].abort

        async def cut(*_: object) -> None:
            real()
            await asyncio.sleep(1)

        there.liar.peers[-1].handlers["order"] = cut
        assert await code_of(place(there, "mine")) == "ORDER_UNKNOWN"
        row = there.channel.requests.by_client("mine")
        assert row.status == "unknown"
        again = BrokerLink(there.link.profile, there.journal, there.link.keys, lambda: None)
        task = asyncio.create_task(again.run())
        try:
            await again.online(PATIENCE)  # and resuming sends it again by itself
            await until(lambda: bool(there.liar.orders))
            assert await place(there, "mine", again) == row.signed.id
            assert {order.intent for order in there.liar.orders} == {row.signed}
            await until(lambda: again.channels[CHANNEL].requests.get(row.signed.id).status == "submitted")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(tmp_path, work)


def test_what_was_rejected_stays_rejected(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.liar.no = WalletError("ORDER_QUEUE")
        assert await code_of(place(there, "mine")) == "ORDER_QUEUE"
        there.liar.no = None
        assert await code_of(place(there, "mine")) == "ORDER_QUEUE"
        assert len(there.liar.orders) == 1

    run(tmp_path, work)


def test_the_unknown_becomes_dead_or_open_and_nothing_else(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.channel.requests.mark(there.fresh.id, "unknown")
        there.channel.requests.mark(there.unsent.id, "unknown")
        there.channel.requests.bury()
        assert there.channel.requests.get(there.fresh.id).status == "unknown"  # may still open
        assert "ack" in await there.liar.show(*shown(opened(there, there.fresh.id)))
        late = Clock(monotonic=lambda: awake_or_asleep() + 13)  # openBefore is ten seconds ahead, two of grace
        there.channel.requests._clock = late
        there.channel.requests.bury()
        assert there.channel.requests.get(there.fresh.id).status == "open"
        dead = there.channel.requests.get(there.unsent.id)
        assert (dead.status, dead.reason) == ("dead", "ORDER_DEAD")
        assert there.journal.intent(there.unsent.id).status == "dead"
        there.channel.clock = there.link.clock = late
        answer = await there.liar.show(*shown(opened(there, there.unsent.id)))
        assert answer["refuse"]["envelope"]["transition"] == "void"  # and dead it stays
        assert [order.order_nonce for order in there.channel.uncertain()] == []

    run(tmp_path, work)


def test_a_crash_between_signing_and_sending_loses_no_name(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        class Killed(BaseException):
            pass

        async def dies(*_: object) -> None:
            raise Killed

        there.link._send_order = dies
        with pytest.raises(Killed):
            await place(there, "mine")
        again = TraderChannel(there.journal, there.channel.record, SESSION, Clock())
        row = again.requests.by_client("mine")
        assert row is not None
        assert row.status == "staged"
        assert again.next_nonce() == row.signed.order.order_nonce + 1

    run(tmp_path, work)
