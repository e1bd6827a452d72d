"""Nodes that disagree: a lying double beside the real one, and what the watcher does about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chain.liar_node import liar
from tests.chain.live import Live, run
from tests.chain.scenario import BROKER, Session
from tests.session.test_watcher import fund_gas, opened, traded, watcher
from wallet.chain import calls
from wallet.chain.agreement import BEHIND, Agreement, Reading, differences
from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.guard import Act, Guarded, Provable
from wallet.chain.nodes import Nodes
from wallet.chain.rpc import Rpc
from wallet.protocol.eip712 import keccak
from wallet.protocol.errors import WalletError

CHANNEL = b"\x07" * 32
OPEN = OnChain(Status.OPEN, 0, 0, bytes(32))
DISPUTED = OnChain(Status.DISPUTED, 5, 2, bytes(32))
ASKING = "0x" + calls.function("channel").encode(CHANNEL)[:4].hex()
OPEN_RESULT = "0x" + (1).to_bytes(32, "big").hex() + "00" * 96


def test_what_two_nodes_may_differ_in() -> None:
    def found(second: Reading) -> list[tuple[str, bool, str]]:
        first = Reading("a", 100, b"x", {CHANNEL: OPEN}, {CHANNEL: OPEN})
        return [(row.error.code, row.firm, row.disputed) for row in differences([first, second])]

    assert found(Reading("b", 100, b"x", {CHANNEL: OPEN}, {CHANNEL: OPEN})) == []
    assert found(Reading("b", 100 - BEHIND, b"x", {CHANNEL: OPEN}, {CHANNEL: OPEN})) == []
    assert found(Reading("b", 99 - BEHIND, b"x")) == [("NODES_BEHIND", False, "")]
    assert found(Reading("b", 100, b"y", {CHANNEL: DISPUTED})) == [("NODES_DISAGREE_BLOCK", False, "")]
    record = "NODES_DISAGREE_RECORD"
    assert found(Reading("b", 100, b"x", {CHANNEL: DISPUTED})) == [(record, True, "b")]
    assert found(Reading("b", 100, b"x", {}, {CHANNEL: DISPUTED})) == [(record, False, "b")]


async def guarded(live: Live) -> tuple[Session, list[Guarded]]:
    """Open, our best state 9, and challenged with state 2."""
    session = await opened(live)
    await fund_gas(live)
    best, stale = traded(live, session, 9), session.state(2)
    await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))
    await live.travel(1)
    await live.travel(1)  # deep enough to be compared
    return session, [Guarded(session.channel, session.terms, Provable(best, session.both(best)))]


def both(live: Live, first: str, *second: str) -> Nodes:
    return Nodes((first, *second), live.adjudicator.check_deployment)


def agreement(live: Live, nodes: Nodes, session: Session) -> Agreement:
    contract = Adjudicator(nodes, live.node.chain_id, live.adjudicator.address)
    return Agreement(nodes, contract, lambda: [session.channel])


@pytest.mark.parametrize("only_now", [False, True])
def test_a_node_that_hides_a_dispute_is_named_and_the_dispute_is_answered(tmp_path: Path, only_now: bool) -> None:
    def hides(method: str, params: list[Any], true: Any) -> Any:
        asked = method == "eth_call" and params[0].get("data", params[0].get("input", "")).startswith(ASKING)
        return OPEN_RESULT if asked and (params[1] == "latest" or not only_now) else true

    async def body(live: Live) -> None:
        session, rows = await guarded(live)
        async with liar(live.node.url, hides) as url, both(live, url, live.node.url) as nodes:
            watch, compared = watcher(live, rows, rpc=nodes), agreement(live, nodes, session)
            await watch.look()
            assert not watch.deeds  # by the first node there is nothing to answer
            await compared.look()
            await compared.look()
            alarm = compared.alarm
            assert alarm is not None
            assert alarm.code == "NODES_DISAGREE_RECORD"
            assert {alarm.params["first"], alarm.params["second"]} == {Rpc(url).node, Rpc(live.node.url).node}
            assert (alarm.params["says"], alarm.params["other"]) == ("open", "disputed with state 2")
            await watch.look()
            assert [deed.act for deed in watch.deeds] == [Act.ANSWER]
            assert (await live.adjudicator.channel(session.channel)).increment == 9

    run(tmp_path, body)


def test_a_node_on_another_chain_or_with_another_contract_is_named(tmp_path: Path) -> None:
    answers = {"eth_getCode": "0x60006000", "eth_chainId": "0x1"}

    async def body(live: Live) -> None:
        session, _ = await guarded(live)
        for method, code in (("eth_getCode", "CHAIN_WRONG_CODE"), ("eth_chainId", "CHAIN_WRONG_ID")):

            def other(asked: str, _: list[Any], true: Any, method: str = method) -> Any:
                return answers[method] if asked == method else true

            async with liar(live.node.url, other) as url, both(live, live.node.url, url) as nodes:
                compared = agreement(live, nodes, session)
                await compared.look()
                assert compared.alarm is not None
                assert (compared.alarm.code, compared.alarm.params["node"]) == (code, Rpc(url).node)

    run(tmp_path, body)


def test_a_node_with_other_blocks_is_an_alarm_when_it_stays_so(tmp_path: Path) -> None:
    lies = True

    def forked(method: str, _: list[Any], true: Any) -> Any:
        if method == "eth_getBlockByNumber" and lies:
            return {**true, "hash": "0x" + keccak(true["hash"].encode()).hex()}
        return true

    async def body(live: Live) -> None:
        nonlocal lies
        session, _ = await guarded(live)
        async with liar(live.node.url, forked) as url, both(live, live.node.url, url) as nodes:
            compared = agreement(live, nodes, session)
            await compared.look()
            assert compared.alarm is None  # a moment, or a reorganisation
            await compared.look()
            assert compared.alarm is not None
            assert compared.alarm.code == "NODES_DISAGREE_BLOCK"
            lies = False
            await compared.look()
            assert compared.alarm is None

    run(tmp_path, body)


def test_a_node_that_takes_transactions_and_drops_them_does_not_keep_an_answer_from_the_chain(tmp_path: Path) -> None:
    def swallows(method: str, params: list[Any], true: Any) -> Any:
        return "0x" + keccak(bytes.fromhex(params[0][2:])).hex() if method == "eth_sendRawTransaction" else true

    async def body(live: Live) -> None:
        session, rows = await guarded(live)
        async with liar(live.node.url, swallows) as url, both(live, url, live.node.url) as nodes:
            watch = watcher(live, rows, rpc=nodes)
            await watch.look()
            assert [deed.act for deed in watch.deeds] == [Act.ANSWER]
            assert (await live.adjudicator.channel(session.channel)).increment == 9

    run(tmp_path, body)


def test_nodes_are_changed_while_they_are_asked(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        checked: list[str] = []

        async def check(rpc: Rpc) -> None:
            checked.append(rpc.node)
            await live.adjudicator.check_deployment(rpc)

        async with Nodes(["http://127.0.0.1:9"], check) as nodes:
            with pytest.raises(WalletError, match="RPC_UNREACHABLE"):
                await nodes.chain_id()
            await nodes.use([live.node.url])
            assert await nodes.chain_id() == live.node.chain_id
            assert checked == ["http://127.0.0.1:9", Rpc(live.node.url).node]
            assert nodes.problems == {}

    run(tmp_path, body)
