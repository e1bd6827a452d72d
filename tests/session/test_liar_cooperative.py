"""A broker that lies in the cooperative flow, on a real socket: in our turn, in his, and in what he answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import DOMAIN, LIAR, ground, head
from tests.session.partner import CHANNEL, Reply, Table, honest, table
from tests.support.game import ETH, USDT
from tests.support.waiting import until
from wallet.history.journal import Status
from wallet.protocol.errors import WalletError
from wallet.protocol.evidence import state_in
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Balance, Fill, Side, State, Transition
from wallet.protocol.terms import Role
from wallet.protocol.transitions import contents_of, successor
from wallet.session.clock import Clock
from wallet.wire import messages

OUR_TURN, HIS_TURN = 0, 2
Body = Callable[[Table], Awaitable[None]]


def run(path: Path, upto: int, body: Body, *, reply: Reply = honest, clock: Clock | None = None) -> None:
    async def main() -> None:
        async with table(path, upto, reply=reply, clock=clock) as there:
            await body(there)

    asyncio.run(main())


def richer(state: State) -> State:
    first, *rest = state.balances
    return replace(state, balances=(Balance(first.asset, first.available + 1, first.locked), *rest))


def poorer(state: State) -> State:
    *rest, last = state.balances
    return replace(state, balances=(*rest, Balance(last.asset, last.available - 1, last.locked)))


LIES: dict[str, tuple[int, str, Callable[[Table], State]]] = {
    "a yield in our turn": (OUR_TURN, "TRN-NOT-HIS", lambda t: t.next(Transition.YIELD)),
    "a finalize in our turn": (OUR_TURN, "TRN-NOT-HIS", lambda t: t.next(Transition.FINALIZE)),
    "a trade in our turn": (OUR_TURN, "TRN-NOT-HIS", lambda t: t.next(Transition.TRADE)),
    "an opening, which is ours": (HIS_TURN, "TRN-NOT-HIS", lambda t: t.next(Transition.CREATE_ORDER)),
    "a yield with a gift": (HIS_TURN, "BAL-INFLATE", lambda t: richer(t.next(Transition.YIELD))),
    "a yield that takes a unit": (HIS_TURN, "BAL-DEFLATE", lambda t: poorer(t.next(Transition.YIELD))),
    "a yield without the order": (HIS_TURN, "ORD-VANISH", lambda t: t.next(Transition.YIELD, open_orders=())),
    "a yield that keeps the turn": (HIS_TURN, "TRN-NEXT", lambda t: t.next(Transition.YIELD, turn=Role.BROKER)),
    "a yield with a fill": (
        HIS_TURN,
        "CHN-TRANSITION-NAME",
        lambda t: t.next(Transition.YIELD, fills=(Fill(t.buy.id, 1, 1, 0),)),
    ),
    "a cancel that passes the turn": (
        HIS_TURN,
        "TRN-NEXT",
        lambda t: t.next(Transition.CANCEL_ORDER, turn=Role.TRADER),
    ),
    "a second state without our answer": (HIS_TURN, "INC-SKIP", lambda t: t.next(Transition.CANCEL_ORDER, increment=4)),
    "a finalize nobody asked for": (HIS_TURN, "FIN-OPEN-ORDERS", lambda t: t.next(Transition.FINALIZE)),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_flagged_and_never_signed(tmp_path: Path, name: str) -> None:
    upto, code, make = LIES[name]

    async def body(there: Table) -> None:
        lie = make(there)
        assert await there.liar.propose(lie) == {"error": "FLAGGED", "rule": code}
        assert there.flags() == [code]
        assert there.last.increment == upto
        assert there.journal.own_at(CHANNEL, lie.increment) is None
        # until the user decides nothing is issued either
        await there.liar.ask_turn(upto)
        await asyncio.sleep(0.1)
        assert there.liar.proposed == []

    run(tmp_path, upto, body)


def test_the_valid_neighbours_are_signed(tmp_path: Path) -> None:
    async def body(there: Table) -> None:
        answer = await there.liar.propose(there.next(Transition.CANCEL_ORDER))
        assert set(answer) == {"ack"}
        assert set(await there.liar.propose(there.next(Transition.YIELD))) == {"ack"}
        assert there.last.turn is Role.TRADER
        assert there.flags() == []

    run(tmp_path, HIS_TURN, body)


def test_two_states_in_one_turn_prove_equivocation(tmp_path: Path) -> None:
    """TRN-DOUBLE at one number: the first is signed, the second is evidence."""

    async def body(there: Table) -> None:
        first, second = there.next(Transition.CANCEL_ORDER), there.next(Transition.YIELD)
        assert set(await there.liar.propose(first)) == {"ack"}
        assert await there.liar.propose(second) == {"error": "FLAGGED", "rule": "EQV-TWO"}
        assert there.flags() == ["EQV-TWO"]

    run(tmp_path, HIS_TURN, body)


def test_a_yield_in_the_brokers_own_flow_is_flagged(tmp_path: Path) -> None:
    async def main() -> None:
        async with ground(tmp_path) as there:
            envelope = {**head(there.digests[2], "yield", 2), "turn": "trader"}
            answer = await there.liar.show(envelope, [3, *there.array[1:]])
            assert answer["params"]["rule"] == "TRN-YIELD-IN-BROKER-MODE"
            assert there.signatures_of_trader(3) == []

    asyncio.run(main())


def test_a_storm_of_yields_is_slowed_and_then_cut(tmp_path: Path) -> None:
    """TRN-YIELD-STORM: while our clock stands still eight pass; three are told to wait; then the connection ends."""

    async def body(there: Table) -> None:
        peer, codes = there.liar.peers[-1], []
        while "TRN-YIELD-STORM" not in codes and len(codes) < 20:
            await until(lambda: there.last.turn is Role.BROKER and there.channel.pending is None)
            codes.append((await there.liar.propose(there.next(Transition.YIELD))).get("error", "ack"))
        assert codes == ["ack"] * 8 + ["RATE"] * 3 + ["TRN-YIELD-STORM"]
        await until(lambda: peer.closed)
        assert there.flags() == []

    run(tmp_path, HIS_TURN, body, clock=Clock(monotonic=lambda: 7.0))


def test_a_request_for_the_turn_is_honoured_and_an_old_one_is_not(tmp_path: Path) -> None:
    async def body(there: Table) -> None:
        await there.liar.ask_turn(0)
        await until(lambda: there.last.turn is Role.BROKER)
        assert [message.state.transition for message in there.liar.proposed] == [Transition.YIELD]
        assert set(await there.liar.propose(there.next(Transition.YIELD))) == {"ack"}
        await there.liar.ask_turn(0)  # of an earlier turn
        await asyncio.sleep(0.2)
        assert there.last.turn is Role.TRADER

    run(tmp_path, OUR_TURN, body)


# --- his answers to what we issue ------------------------------------------------------------------------------------


def place(there: Table, tif: TimeInForce = TimeInForce.GOOD_TILL_TIME) -> asyncio.Task[bytes]:
    work = there.link.place(there.channel, (ETH, USDT), Side.BUY, 1_900 * 10**6, 10**18, tif, 3_600)
    return asyncio.create_task(work)


def void_for(message: messages.Propose, last: State, **changes: Any) -> messages.ProposeAnswer:
    digest = DOMAIN.digest(last).digest
    number = message.state.increment + 1
    state = replace(successor(last, digest, number, Transition.VOID, contents_of(last), last.time), **changes)
    return messages.ProposeAnswer(
        refuse=messages.SignedState(state, LIAR.sign(DOMAIN.digest(state))), reason="ORDER_EXPIRY"
    )


def test_a_refusal_is_countersigned_and_the_channel_goes_on(tmp_path: Path) -> None:
    async def body(there: Table) -> None:
        there.liar.reply = lambda message: void_for(message, there.last)
        with pytest.raises(Exception, match="ORDER_EXPIRY"):
            await place(there)
        await until(lambda: there.liar.acks)
        assert (there.last.increment, there.last.transition) == (2, Transition.VOID)
        assert there.liar.acks[0].digest == DOMAIN.digest(there.last).digest
        there.liar.reply = honest
        order = await place(there)
        assert there.channel.requests.get(order).status == "open"
        assert there.last.increment == 3
        refused = there.journal.at(CHANNEL, 1)[0]
        assert refused.status is Status.REFUSED

    run(tmp_path, OUR_TURN, body)


@pytest.mark.parametrize(
    "changes",
    [{"increment": 3}, {"turn": Role.BROKER}, {"order_nonce": 7}, {"previous": b"\7" * 32}, {"open_orders": None}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_refusal_that_is_none_is_not_countersigned(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def body(there: Table) -> None:
        def lie(message: messages.Propose) -> messages.ProposeAnswer:
            bent = {"open_orders": message.state.open_orders} if "open_orders" in changes else changes
            return void_for(message, there.last, **bent)

        there.liar.reply = lie
        task, peer = place(there), there.liar.peers[-1]
        await until(lambda: peer.closed)
        assert there.last.increment == 0
        assert there.channel.pending is not None
        assert [entry.own for entry in there.journal.at(CHANNEL, 2)] == []
        task.cancel()

    run(tmp_path, OUR_TURN, body)


def test_a_refusal_of_our_finalize_is_never_countersigned(tmp_path: Path) -> None:
    """VOID_FINALIZE: if we went on after a void, he could settle by the end we signed whenever it suits him."""

    async def body(there: Table) -> None:
        there.liar.reply = lambda message: void_for(message, there.last)
        ending, peer = asyncio.create_task(there.link.finalize(there.channel, 60)), there.liar.peers[-1]
        await until(lambda: peer.closed)
        assert there.liar.proposed[0].state.transition is Transition.FINALIZE
        assert there.liar.acks == []
        assert there.last.increment == 0
        pending = there.channel.pending
        assert pending is not None
        assert pending.state.transition is Transition.FINALIZE
        assert there.journal.at(CHANNEL, 2) == []
        await until(lambda: len(there.liar.proposed) > 1)  # said again, and nothing else is issued beside it
        order = place(there)
        there.liar.reply = honest
        await ending
        assert len({message.signature for message in there.liar.proposed}) == 1
        order.cancel()

    run(tmp_path, OUR_TURN, body)


def test_an_ack_that_is_none_ends_the_connection(tmp_path: Path) -> None:
    async def body(there: Table) -> None:
        there.liar.reply = lambda message: messages.ProposeAnswer(ack=LIAR.sign(DOMAIN.digest(there.last)))
        task, peer = place(there), there.liar.peers[-1]
        await until(lambda: peer.closed)
        assert there.last.increment == 0
        task.cancel()

    run(tmp_path, OUR_TURN, body)


def test_what_was_not_answered_is_said_again_with_the_same_bytes(tmp_path: Path) -> None:
    """Over a broken connection, and by the next process: never a second digest at the number."""

    async def first(there: Table) -> None:
        there.liar.reply = lambda _: None
        task = place(there)
        await until(lambda: there.liar.proposed)
        there.liar.peers[-1].abort()
        await until(lambda: len(there.liar.proposed) > 1)
        assert len({(message.state, message.signature) for message in there.liar.proposed}) == 1
        sent.append(there.liar.proposed[0])
        task.cancel()

    async def second(there: Table) -> None:
        await until(lambda: there.last.increment >= 1)
        assert there.liar.proposed[0] == sent[0]
        assert there.channel.requests.get(sent[0].intents[0].id).status == "open"

    sent: list[messages.Propose] = []
    run(tmp_path, OUR_TURN, first)
    run(tmp_path, OUR_TURN, second)


def test_a_promised_state_that_does_not_come_is_asked_for_again(tmp_path: Path) -> None:
    async def body(there: Table) -> None:
        said: list[float] = []

        def promise(_: messages.Propose) -> messages.ProposeAnswer:
            said.append(time.monotonic())
            return messages.ProposeAnswer(next=b"\5" * 32)

        there.liar.reply = promise
        there.link._lines[CHANNEL]._within = 0.5  # T, for what the line waits for alone
        await there.liar.ask_turn(0)
        await until(lambda: len(said) > 1)
        assert said[1] - said[0] >= 0.49  # within T it may still come
        assert len({message.signature for message in there.liar.proposed}) == 1
        assert there.last.increment == 0

    run(tmp_path, OUR_TURN, body)


def test_a_state_upon_our_yield_validates_it_whatever_it_is(tmp_path: Path) -> None:
    """The yield was never ACKed; what stands on it breaks a rule: the yield counts, the state is evidence."""

    async def body(there: Table) -> None:
        there.liar.reply = lambda _: None
        await there.liar.ask_turn(0)
        await until(lambda: there.channel.pending is not None)
        pending = there.channel.pending
        assert pending is not None
        on_it = successor(
            pending.state, pending.digest, 2, Transition.FINALIZE, contents_of(pending.state), pending.state.time
        )
        assert await there.liar.propose(on_it) == {"error": "FLAGGED", "rule": "FIN-UNASKED"}
        found = there.journal.at(CHANNEL, 1)[0]
        assert (found.status, found.broker_signature) == (Status.VALIDATED, None)
        assert there.last == pending.state

    run(tmp_path, OUR_TURN, body)


def test_a_refusal_of_the_yield_he_went_on_from_is_evidence(tmp_path: Path) -> None:
    """His state upon our yield validated it; a void in its place, signed as well, would take that back on chain."""

    async def body(there: Table) -> None:
        there.liar.reply = lambda _: None
        await there.liar.ask_turn(0)
        await until(lambda: there.channel.pending is not None)
        pending, before = there.channel.pending, there.last
        assert pending is not None
        assert pending.trader_signature is not None
        shown = messages.Propose(pending.state, pending.trader_signature, ())
        void = void_for(shown, before).refuse
        assert void is not None
        contents = contents_of(pending.state)
        on_it = successor(pending.state, pending.digest, 2, Transition.YIELD, contents, before.time, turn=Role.TRADER)
        assert "error" not in await there.liar.propose(on_it)
        assert there.last == on_it
        with pytest.raises(WalletError, match="FLAGGED"):
            there.channel.refused(pending.trader_signature, void.state, void.signature, "")
        flag = there.channel.frozen
        assert flag is not None
        assert (flag.increment, flag.flag.code, flag.signature) == (2, "EQV-TWO", void.signature)
        assert state_in(flag.raw) == void.state
        assert there.channel.void is None
        assert there.last == on_it

    run(tmp_path, OUR_TURN, body)


def test_what_the_broker_had_acknowledged_is_not_adopted_twice(tmp_path: Path) -> None:
    """He says at the next resume that he has our state: it is proposed again, and his ACK taken."""

    async def body(there: Table) -> None:
        there.liar.reply = lambda _: None
        task = place(there)
        await until(lambda: there.liar.proposed)
        state = there.liar.proposed[0].state
        there.liar.highest = state.increment, DOMAIN.digest(state).digest
        there.liar.reply = honest
        there.liar.peers[-1].abort()
        await until(lambda: there.last.increment >= state.increment)  # a yield may stand upon it by now
        kept = there.journal.by_digest(CHANNEL, DOMAIN.digest(state).digest)
        assert kept is not None
        assert (kept.status, kept.state) == (Status.VALIDATED, state)
        assert kept.broker_signature == LIAR.sign(DOMAIN.digest(state))
        assert there.liar.asked == 0
        task.cancel()

    run(tmp_path, OUR_TURN, body)


def test_nothing_is_issued_in_a_channel_that_was_restored(tmp_path: Path) -> None:
    async def body(there: Table) -> None:
        there.channel.roll_back("found out")
        await there.liar.ask_turn(0)
        await asyncio.sleep(0.2)
        assert there.liar.proposed == []

    run(tmp_path, OUR_TURN, body)
