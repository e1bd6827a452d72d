"""The watcher on a real chain: a broker who challenges with an old state, a node that dies, a gas key that is empty."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.chain.evm import actor
from tests.chain.live import ETHER, USDT, Live, run
from tests.chain.scenario import BROKER, TRADER, Session
from wallet.chain import token
from wallet.chain.client import Adjudicator, Status
from wallet.chain.guard import Act, Guarded, Provable
from wallet.chain.nodes import Nodes
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Outgoing
from wallet.chain.urgent import UrgentSender
from wallet.protocol.errors import WalletError
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import NATIVE, Role
from wallet.session.watcher import STALE, Watcher

GAS = actor("gas")


async def opened(live: Live) -> Session:
    await live.stock_broker()
    session = await live.session()
    trader = live.sender(TRADER)
    await live.adjudicator.open(trader, session.terms, session.time, *session.signatures(session.setup))
    return session


def traded(live: Live, session: Session, increment: int, *, final: bool = False) -> State:
    transition = Transition.FINALIZE if final else Transition.TRADE
    return session.state(increment, {NATIVE: (0, 77), live.usdt: (9, 0)}, transition)


def watcher(
    live: Live, guarded: Iterable[Guarded], rpc: Rpc | None = None, stored: list[Outgoing] | None = None
) -> Watcher:
    rpc = rpc or live.rpc
    kept: list[Outgoing] = [] if stored is None else stored
    sender = UrgentSender(rpc, live.node.chain_id, KeySigner(GAS.key.secret), kept.append, patience=0.5, poll=0.02)
    contract = Adjudicator(rpc, live.node.chain_id, live.adjudicator.address)
    return Watcher(contract, sender, lambda: guarded, quiet_chain=True)


async def fund_gas(live: Live) -> None:
    await live.node.fund(GAS.address, native=ETHER // 100)


def test_a_stale_challenge_is_answered_settled_and_paid_out_by_the_gas_key_alone(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        session = await opened(live)
        await fund_gas(live)
        stale, best = session.state(2), traded(live, session, 9)
        guarded = Guarded(session.channel, session.terms, Provable(best, session.both(best)), pay_out=True)
        watch = watcher(live, [guarded])
        await watch.look()
        assert not watch.deeds
        assert not watch.alarms
        await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.implied(stale, Role.TRADER))
        await watch.look()
        found = await live.adjudicator.channel(session.channel)
        assert (found.status, found.increment) == (Status.DISPUTED, 9)
        await watch.look()  # nothing more to do before the deadline
        assert [deed.act for deed in watch.deeds] == [Act.ANSWER]
        await live.travel(session.terms.challenge_period + 1)
        before = {asset: await token.balance(live.rpc, asset, TRADER.address) for asset in (NATIVE, live.usdt)}
        await watch.look()
        assert (await live.adjudicator.channel(session.channel)).status is Status.SETTLED
        await watch.look()
        for asset, due in ((NATIVE, ETHER // 10 + 77), (live.usdt, 1_000 * USDT - 9)):
            assert await token.balance(live.rpc, asset, TRADER.address) == before[asset] + due
        assert [deed.act for deed in watch.deeds] == [Act.ANSWER, Act.SETTLE, *[Act.PAY_OUT] * 2]
        assert not watch.alarms
        await watch.look()
        assert len(watch.deeds) == 4

    run(tmp_path, body)


def test_an_implied_state_answers_too_and_a_final_one_closes_at_once(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        session = await opened(live)
        await fund_gas(live)
        best = traded(live, session, 5)
        proofs = [Guarded(session.channel, session.terms, Provable(best, session.implied(best, Role.BROKER)))]
        watch = watcher(live, proofs)
        stale = session.state(2)
        await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))
        await watch.look()
        assert (await live.adjudicator.channel(session.channel)).increment == 5
        final = traded(live, session, 6, final=True)
        proofs[0] = Guarded(session.channel, session.terms, Provable(final, session.both(final)))
        await watch.look()
        assert (await live.adjudicator.channel(session.channel)).status is Status.SETTLED
        assert [deed.act for deed in watch.deeds] == [Act.ANSWER, Act.CLOSE]

    run(tmp_path, body)


def test_an_empty_gas_key_is_an_alarm_and_answers_once_filled(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        session = await opened(live)
        best = traded(live, session, 9)
        watch = watcher(live, [Guarded(session.channel, session.terms, Provable(best, session.both(best)))])
        await watch.look()
        assert watch.alarms[b""].code == "WATCH_NO_GAS"
        stale = session.state(2)
        await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))
        await watch.look()
        assert watch.alarms[session.channel].code == "TX_NO_GAS"
        assert (await live.adjudicator.channel(session.channel)).increment == 2
        await fund_gas(live)
        await watch.look()
        assert (await live.adjudicator.channel(session.channel)).increment == 9
        assert not watch.alarms

    run(tmp_path, body)


def test_a_missed_period_stays_an_alarm_and_the_rest_is_settled(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        session = await opened(live)
        await fund_gas(live)
        stale = session.state(2, {NATIVE: (3, 0)})
        best = traded(live, session, 9)
        await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))
        await live.travel(session.terms.challenge_period + 1)
        watch = watcher(live, [Guarded(session.channel, session.terms, Provable(best, session.both(best)))])
        await watch.look()
        assert (await live.adjudicator.channel(session.channel)).status is Status.SETTLED
        await watch.look()
        assert watch.alarms[session.channel].code == "WATCH_PERIOD_MISSED"
        assert watch.alarms[session.channel].params["recorded"] == 2

    run(tmp_path, body)


def test_the_next_node_answers_when_one_dies_and_a_wrong_one_is_never_believed(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        session = await opened(live)
        await fund_gas(live)
        best, stale = traded(live, session, 9), session.state(2)
        asked: list[str] = []

        async def check(rpc: Rpc) -> None:
            asked.append(rpc.node)
            if len(asked) == 2:  # the second in the list shows another contract
                raise WalletError("CHAIN_WRONG_CODE", address="", expected="", got="")
            await live.adjudicator.check_deployment(rpc)

        urls = ["http://127.0.0.1:9", live.node.url.replace("127.0.0.1", "localhost"), live.node.url]
        async with Nodes(urls, check) as nodes:
            watch = watcher(
                live, [Guarded(session.channel, session.terms, Provable(best, session.both(best)))], rpc=nodes
            )
            await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))
            await watch.look()
            assert (await live.adjudicator.channel(session.channel)).increment == 9
            assert nodes.node == Rpc(live.node.url).node
            assert [error.code for error in nodes.problems.values()] == ["RPC_UNREACHABLE", "CHAIN_WRONG_CODE"]

    run(tmp_path, body)


def test_all_nodes_away_is_what_the_last_one_failed_with(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        async with Nodes(["http://127.0.0.1:9", "http://127.0.0.1:10"], live.adjudicator.check_deployment) as nodes:
            with pytest.raises(WalletError, match="RPC_UNREACHABLE"):
                await watcher(live, [], rpc=nodes).look()

    run(tmp_path, body)


def test_bytes_are_stored_before_they_leave(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        session = await opened(live)
        await fund_gas(live)
        best, stale = traded(live, session, 9), session.state(2)
        await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))

        class Full(list[Outgoing]):
            def append(self, outgoing: Outgoing) -> None:
                raise WalletError("STORE_FAILED", why="full")

        watch = watcher(
            live, [Guarded(session.channel, session.terms, Provable(best, session.both(best)))], stored=Full()
        )
        await watch.look()
        assert watch.alarms[session.channel].code == "STORE_FAILED"
        assert (await live.adjudicator.channel(session.channel)).increment == 2

    run(tmp_path, body)


def test_at_half_of_the_period_the_alarm_is_that_time_runs_out(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        session = await opened(live)  # and the gas key is empty
        best, stale = traded(live, session, 9), session.state(2)
        await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))
        watch = watcher(live, [Guarded(session.channel, session.terms, Provable(best, session.both(best)))])
        await live.travel(session.terms.challenge_period // 2 - 60)
        await watch.look()
        assert watch.alarms[session.channel].code == "TX_NO_GAS"
        await live.travel(61)
        await watch.look()
        alarm = watch.alarms[session.channel]
        assert (alarm.code, alarm.params["recorded"], alarm.params["ours"]) == ("WATCH_ANSWER_LATE", 2, 9)
        assert alarm.params["until"] == (await live.adjudicator.channel(session.channel)).deadline
        await fund_gas(live)
        await watch.look()
        assert not watch.alarms
        assert [deed.act for deed in watch.deeds] == [Act.ANSWER]

    run(tmp_path, body)


def test_a_chain_that_makes_no_blocks_is_an_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(live: Live) -> None:
        watch = watcher(live, [])
        watch._quiet = False
        await live.travel(1)
        await watch.look()
        assert not watch.alarms
        monkeypatch.setattr("time.time", lambda real=time.time: real() + STALE + 120)
        await watch.look()
        assert watch.alarms[b""].code == "WATCH_CHAIN_STALE"
        assert watch.alarms[b""].params["minutes"] >= STALE // 60

    run(tmp_path, body)
