"""Several brokers at once over one journal: what one of them does costs the others no answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey

from tests.session.ground import CHANNEL, DOMAIN, SESSION, TERMS, Ground, ground, intent, profile_of
from tests.session.liar import KeyOf, LyingBroker
from tests.session.moves import cancelled, opened, proven, shown
from tests.support.game import CONTRACT
from tests.support.waiting import PATIENCE, until
from wallet.history.journal import ChannelRecord, Entry, IntentRecord, Status
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Side, setup_state
from wallet.protocol.terms import Role
from wallet.session.link import BrokerLink
from wallet.session.phases import Phase
from wallet.wire.messages import Propose

EVIL = KeyOf(PrivateKey(b"\x66" * 32))
EVIL_OWNER = b"\x67" * 20
ROUNDS = 10
SLOWEST = 1.0  # seconds: two processors are shared with whatever else runs


def channel_with(there: Ground) -> tuple[bytes, Any]:
    """A second channel in the same journal, with another broker; its id and its setup."""
    terms = replace(TERMS, broker=EVIL_OWNER, broker_signer=EVIL.address)
    channel = DOMAIN.digest(terms).digest
    there.journal.add_channel(ChannelRecord(channel, Role.TRADER, 31337, CONTRACT, terms, Phase.OPEN.value, 0))
    state = setup_state(terms, channel, int(time.time()))
    typed = DOMAIN.digest(state)
    there.journal.record(
        Entry(state, typed.digest, Role.BROKER, Status.VALIDATED, EVIL.sign(typed), SESSION.sign(typed), own=True)
    )
    return channel, state


@asynccontextmanager
async def beside(there: Ground, port: int) -> AsyncIterator[BrokerLink]:
    """A connection to the other broker, on the same loop and over the same journal."""
    profile = replace(profile_of(port), broker=EVIL_OWNER, signer=EVIL.address)
    link = BrokerLink(profile, there.journal, there.link.keys, lambda: None)
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def trade(there: Ground, rounds: int = ROUNDS) -> float:
    """Orders opened and cancelled with the good broker; the slowest answer in seconds."""
    slowest = 0.0
    for number in range(rounds):
        signed = intent(10 + number, Side.BUY, 500 * 10**6, 10**18)
        there.channel.requests.add(IntentRecord(signed, "submitted", "", 0))
        for state in (lambda s=signed: opened(there, s.id), lambda s=signed: cancelled(there, "0x" + s.id.hex())):
            proposed = shown(state())
            began = time.perf_counter()
            assert "ack" in await there.liar.show(*proposed)
            slowest = max(slowest, time.perf_counter() - began)
    return slowest


async def keep(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Does it again and again, whatever comes of it."""
    while True:
        with contextlib.suppress(WalletError, IndexError, AssertionError):
            await work()
        await asyncio.sleep(0)


@pytest.mark.parametrize("how", ["forged", "lies", "cuts"])
def test_a_hostile_broker_delays_no_answer_to_another(tmp_path: Path, how: str) -> None:
    async def main() -> None:
        async with ground(tmp_path) as there, LyingBroker(DOMAIN, EVIL) as evil:
            channel, setup = channel_with(there)
            evil.highest = 0, DOMAIN.digest(setup).digest
            done = 0

            async def attack() -> None:
                nonlocal done
                done += 1
                if how == "cuts":
                    evil.peers[-1].abort()
                    await asyncio.sleep(0.001)
                    return
                state = replace(setup, increment=done, previous=b"\x01" * 32)
                signer = SESSION if how == "forged" else EVIL
                message = Propose(state, signer.sign(DOMAIN.digest(state)), ())
                await evil.peers[-1].call("propose", message.show(), 1)

            async with beside(there, evil.port) as link:
                await link.online(PATIENCE)
                assert there.link.channels.keys() == {CHANNEL}
                assert link.channels.keys() == {channel}
                attacks = [asyncio.create_task(keep(attack)) for _ in range(4)]
                try:
                    slowest = await trade(there)
                finally:
                    for task in attacks:
                        task.cancel()
                    await asyncio.gather(*attacks, return_exceptions=True)
                assert done > ROUNDS
                assert slowest < SLOWEST
                assert there.link.live.online
                assert there.channel.frozen is None
                assert there.journal.flags(CHANNEL) == []
                if how == "lies":
                    assert link.channels[channel].frozen is not None
                    assert (await there.liar.show(*shown(cancelled(there, there.buy))))["ack"]
                assert there.link.alarms.rows == {}

    asyncio.run(main())


def test_a_broker_who_never_answers_delays_no_other(tmp_path: Path) -> None:
    """He takes the connection and says nothing at all."""

    async def main() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()

        async with ground(tmp_path) as there:
            channel_with(there)
            server = await asyncio.start_server(silent, "127.0.0.1", 0)
            async with beside(there, server.sockets[0].getsockname()[1]) as link:
                assert await trade(there) < SLOWEST
                assert not link.live.online
                assert there.link.live.online
            server.close()

    asyncio.run(main())


def test_a_forked_channel_stops_itself_and_no_other(tmp_path: Path) -> None:
    """The same key in use elsewhere, with one broker: an alarm there, and nothing more is signed there."""

    async def main() -> None:
        async with ground(tmp_path) as there, LyingBroker(DOMAIN, EVIL) as evil:
            channel, setup = channel_with(there)
            other = replace(setup, time=setup.time - 1)
            typed = DOMAIN.digest(other)
            evil.highest = 0, typed.digest
            row = proven(other)
            evil.pages = [replace(row, signatures=replace(row.signatures, broker=EVIL.sign(typed)))]
            async with beside(there, evil.port) as link:
                await until(lambda: link.channels[channel].forked)
                await until(lambda: link.live.problem is not None)
                assert link.live.problem is not None
                assert link.live.problem.code == "RES-FORK"
                assert await trade(there, 2) < SLOWEST

    asyncio.run(main())
