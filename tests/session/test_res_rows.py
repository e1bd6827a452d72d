"""Rows of the catalogue about breaks and resuming that need a real connection: RES-…, A11, A12, F8."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import CHANNEL, DOMAIN, Ground, ground
from tests.session.liar import LyingBroker
from tests.session.moves import cancelled, shown, skewed
from tests.support.waiting import PATIENCE, until
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.session.phases import Phase


def run(path: Path, work: Callable[[Ground], Awaitable[None]], **how: Any) -> None:
    async def main() -> None:
        async with ground(path, **how) as there:
            await work(there)

    asyncio.run(main())


def test_res_behind_keeps_ours_and_gives_him_the_same_bytes(tmp_path: Path) -> None:
    """F8: he forgot state 2. Ours stands; shown it once more he gets the same ACK, another one is a lie."""

    async def work(there: Ground) -> None:
        last = there.channel.last
        there.liar.highest = 1, bytes.fromhex(there.digests[1][2:])
        await there.link.resume(there.channel)
        assert there.channel.last is last
        again = await there.liar.show(*shown(last.state))
        assert again["ack"] == codec.show_hex(last.trader_signature)
        assert (await there.liar.show(*shown(skewed(last.state, 2, 1))))["error"] == "FLAGGED"
        assert there.channel.frozen.flag.code == "EQV-TWO"
        assert len(there.signatures_of_trader(2)) == 1

    run(tmp_path, work)


def test_res_other_next_is_taken_if_the_first_was_never_signed(tmp_path: Path) -> None:
    """He forgets his own unanswered state and issues another: fine as long as we signed neither; then evidence."""

    async def work(there: Ground) -> None:
        first, second = cancelled(there, there.buy), cancelled(there, there.sell)
        there.link._talk._standing.clear()
        assert (await there.liar.show(*shown(first)))["error"] == "BUSY"  # not answered
        there.liar.joined.clear()
        there.liar.peers[-1].abort()
        await until(lambda: len(there.liar.peers) >= 2)
        assert "ack" in await there.liar.show(*shown(second))
        assert (await there.liar.show(*shown(first)))["error"] == "FLAGGED"
        flag = there.channel.frozen
        assert (flag.flag.code, flag.increment, flag.digest) == ("EQV-TWO", 3, DOMAIN.digest(first).digest)
        assert len(there.signatures_of_trader(3)) == 1

    run(tmp_path, work)


@pytest.mark.parametrize("phase", [Phase.SETTLED, Phase.WITHDRAWN, Phase.ABANDONED])
def test_res_closed_on_chain_signs_nothing(tmp_path: Path, phase: Phase) -> None:
    def prepare(liar: LyingBroker) -> None:
        liar.joined.set()
        liar.highest = 9, b"\x09" * 32

    async def work(there: Ground) -> None:
        await until(lambda: bool(there.liar.peers))
        assert (await there.liar.show(*shown(cancelled(there, there.buy))))["error"] in ("BUSY", "NOT_OPEN")
        assert there.liar.asked == 0
        assert there.signatures_of_trader(3) == []
        assert there.journal.flags(CHANNEL) == []

    run(tmp_path, work, phase=phase, prepare=prepare)


def test_a11_a_reconnect_between_proposal_and_ack_costs_nothing(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        state = cancelled(there, there.buy)
        asked = asyncio.create_task(there.liar.show(*shown(state)))
        await until(lambda: there.channel.last.state == state)
        there.liar.joined.clear()
        there.liar.peers[-1].abort()  # the ACK is signed and on disk; he may never have seen it
        await asyncio.gather(asked, return_exceptions=True)
        await until(lambda: len(there.liar.peers) >= 2)
        again = await there.liar.show(*shown(state))
        assert [codec.show_hex(row) for row in there.signatures_of_trader(3)] == [again["ack"]]
        assert there.journal.flags(CHANNEL) == []

    run(tmp_path, work)


def test_a12_a_broker_who_is_away_for_a_while_is_found_again(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        server = there.liar._server
        there.liar.joined.clear()
        await server.close()
        await until(lambda: not there.link.live.online)
        with pytest.raises(WalletError):
            there.link.connected()
        async with LyingBroker(DOMAIN, there.liar.signer, highest=there.liar.highest) as again:
            there.link.profile = replace(there.link.profile, url=f"ws://127.0.0.1:{again.port}")
            await there.link.online(PATIENCE)
            await asyncio.wait_for(again.joined.wait(), PATIENCE)
            assert "ack" in await again.show(*shown(cancelled(there, there.buy)))
            assert there.journal.flags(CHANNEL) == []
            there.liar._server = again._server  # closed by whoever comes last

    run(tmp_path, work)
