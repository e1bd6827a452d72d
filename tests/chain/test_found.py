"""Channels found on the chain alone: by their owner's address, whatever a node bounds, and left with what they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chain.live import ETHER, USDT, Live, run
from tests.chain.scenario import BROKER, TRADER
from wallet.chain import calls, client
from wallet.chain.calls import SeenTerms, Validation
from wallet.chain.client import Status
from wallet.chain.events import Opened
from wallet.protocol.errors import WalletError
from wallet.protocol.state import setup_state
from wallet.protocol.terms import NATIVE


async def opened(live: Live) -> Opened:
    await live.stock_broker()
    session = await live.session()
    await live.adjudicator.open(live.sender(TRADER), session.terms, session.time, *session.signatures(session.setup))
    (found,) = await live.adjudicator.opened_by(TRADER.address, 0, await live.rpc.block_number())
    assert found.channel == session.channel
    assert found.terms == replace(session.terms, markets=())
    assert await live.adjudicator.opening_signatures(found) == session.signatures(session.setup)
    return found


def test_what_the_chain_shows_is_enough_to_leave_with_the_opening_state(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        found = await opened(live)
        seen, sender = SeenTerms(found.terms, found.markets_hash), live.sender(TRADER)
        setup = setup_state(found.terms, found.channel, found.time)
        await sender.execute(calls.challenge(live.adjudicator.address, seen, setup, Validation()))
        await live.travel(found.terms.challenge_period + 1)
        await sender.execute(calls.settle(live.adjudicator.address, seen, setup.outcomes))
        assert (await live.adjudicator.channel(found.channel)).status is Status.SETTLED
        assert await live.adjudicator.credit(TRADER.address, NATIVE) == ETHER // 10
        assert await live.adjudicator.credit(TRADER.address, live.usdt) == 1_000 * USDT
        head = await live.rpc.block_number()
        assert await live.adjudicator.last_outcomes(found.channel, 0, head) == setup.outcomes

    run(tmp_path, body)


def test_a_node_that_answers_for_few_blocks_is_asked_more_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(live: Live) -> None:
        found = await opened(live)
        await live.rpc.request("evm_mine")
        real, asked = live.rpc.logs, list[tuple[int, int]]()

        async def bounded(first: int, last: int, *more: Any) -> Any:
            asked.append((first, last))
            if last - first >= 4:
                raise WalletError("RPC_ERROR", method="eth_getLogs", error=-32005, message="range too large")
            return await real(first, last, *more)

        monkeypatch.setattr(live.rpc, "logs", bounded)
        monkeypatch.setattr(client, "LEAST_PAGE", 2)
        head, told = await live.rpc.block_number(), list[tuple[int, int]]()
        assert await live.adjudicator.opened_by(
            TRADER.address, 0, head, lambda done, whole: told.append((done, whole))
        ) == (found,)
        assert asked[0] == (0, head)
        assert told[-1] == (head + 1, head + 1)
        monkeypatch.setattr(client, "MAX_PAGES", 3)
        with pytest.raises(WalletError, match="CHAIN_TOO_LONG"):
            await live.adjudicator.opened_by(TRADER.address, 0, head)
        monkeypatch.setattr(client, "LEAST_PAGE", 500)
        with pytest.raises(WalletError, match="RPC_ERROR"):
            await live.adjudicator.opened_by(TRADER.address, 0, head)

    run(tmp_path, body)


def test_a_node_that_makes_terms_up_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(live: Live) -> None:
        found = await opened(live)
        head = await live.rpc.block_number()
        for lie in (
            replace(found, terms=replace(found.terms, challenge_period=1)),
            replace(found, markets_hash=bytes(32)),
            replace(found, trader=BROKER.address),
        ):
            monkeypatch.setattr(client, "read_event", lambda _, lie=lie: lie)
            with pytest.raises(WalletError, match="RPC_BAD_REPLY"):
                await live.adjudicator.opened_by(TRADER.address, 0, head)

    run(tmp_path, body)
