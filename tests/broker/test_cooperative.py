"""The cooperative flow as the broker plays it: both issue in their turns, who lies is flagged, nobody gains time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.broker.cooperative import Partner, opened, pause
from tests.broker.kit import DOMAIN, ETH, ONE, PRICE, USDT, MemoryChain, restated, running, url_of
from tests.broker.test_presence import PAIR
from tests.broker.test_trading import BUY, IOC, SELL, rejected
from wallet.broker.server import Broker
from wallet.history.journal import Status
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Balance, Fill, State, Transition
from wallet.protocol.terms import Initiative, Role
from wallet.wire import messages as wire
from wallet.wire import methods

Body = Callable[[Broker, Partner, Partner], Awaitable[None]]


def play(folder: Path, body: Body, **policy: Any) -> None:
    """Runs ``body`` with a broker and two traders of cooperative channels; every history must verify after it."""

    async def whole() -> None:
        chain = MemoryChain()
        async with running(folder, chain, **{"initiative": Initiative.COOPERATIVE, **policy}) as broker:
            anna, ben = await asyncio.gather(opened(url_of(broker), chain), opened(url_of(broker), chain))
            await body(broker, anna, ben)
            assert not anna.flags
            assert not ben.flags
            await asyncio.gather(anna.disconnect(), ben.disconnect())

    asyncio.run(whole())
    history = HistoryReader(folder / "broker.db")
    for record in history.channels():
        found = verify_history(history, record.id)
        assert found.sound, found
    history.close()


def test_orders_meet_across_turns(tmp_path: Path) -> None:
    """Ben rests and keeps the turn: the broker has to ask him for it before he can issue the fill."""

    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        ask = await ben.place_in_turn(SELL)
        bid = await anna.place_in_turn(BUY)
        await ben.until(lambda: ben.asked)
        assert len((await anna.pass_turn()).next or b"") == 32  # answered by the trade itself
        await anna.until(lambda: anna.is_gone(bid))
        await ben.pass_turn()
        await ben.until(lambda: ben.is_gone(ask))
        # nothing is open: the broker yields unasked
        await anna.until(lambda: anna.has_turn)
        await ben.until(lambda: ben.has_turn)
        assert anna.kinds() == ["SETUP", "CREATE_ORDER", "YIELD", "TRADE", "YIELD"]
        assert anna.balance(ETH)[0] == 11 * ONE - ONE // 1_000  # the taker's 0.1 %
        implied = broker.ledger.journal.at(anna.channel, 2)[0]
        assert (implied.status, implied.broker_signature) == (Status.VALIDATED, None)

    play(tmp_path, body)


def test_a_cancel_is_honoured_out_of_turn_as_the_next_state(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        order = await anna.place_in_turn(SELL)
        assert (await anna.pass_turn()).ack is not None  # nothing to do for the broker
        await anna.cancel(order)
        await anna.until(lambda: anna.is_gone(order))
        assert anna.kinds()[3] == "CANCEL_ORDER"
        await anna.until(lambda: anna.has_turn)

    play(tmp_path, body)


def test_in_his_turn_the_trader_cancels_and_finalizes_himself(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        order = await anna.place_in_turn(SELL)
        assert order in broker.floor.books[PAIR]
        assert (await anna.issue(anna.cancelling(order))).ack is not None
        assert order not in broker.floor.books[PAIR]
        assert (await anna.issue(anna.make(Transition.FINALIZE))).ack is not None
        assert broker.floor.channels[anna.channel].phase.value == "final"
        assert anna.kinds() == ["SETUP", "CREATE_ORDER", "CANCEL_ORDER", "FINALIZE"]

    play(tmp_path, body)


def test_in_its_turn_the_broker_finalizes_on_request(tmp_path: Path) -> None:
    """His own yield has to wait for its interval: he still has the turn when he is asked for the end."""

    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        order = await anna.place_in_turn(SELL)
        assert await rejected(anna.finalize()) == "FIN-NOT-NOW"  # the turn is hers: she issues it herself
        await anna.pass_turn()
        assert await rejected(anna.finalize()) == "FIN-NOT-NOW"  # an order is open
        await anna.take_turn()
        await anna.issue(anna.cancelling(order))
        await anna.pass_turn()
        await anna.finalize()
        await anna.until(lambda: anna.kinds()[-1] == "FINALIZE")
        assert anna.proposals[-1].state.transition is Transition.FINALIZE

    play(tmp_path, body, yield_interval=60)


def test_a_yield_of_the_brokers_is_answered_by_the_next_state(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        order = await anna.place_in_turn(SELL)
        await anna.pass_turn()
        anna.follow = lambda: anna.make(Transition.FINALIZE)
        await anna.cancel(order)
        await anna.until(lambda: anna.kinds()[-1] == "FINALIZE")
        assert anna.following is not None
        assert (await anna.following).ack is not None
        passed = broker.ledger.journal.at(anna.channel, 4)[0]
        assert (passed.state.transition, passed.status) == (Transition.YIELD, Status.VALIDATED)
        assert passed.trader_signature is None  # her next state said it

    play(tmp_path, body)


def test_an_immediate_order_is_filled_and_cancelled_before_the_turn_comes_back(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        await ben.place_in_turn(SELL, PRICE, ONE)
        await ben.pass_turn()
        order = await anna.place_in_turn(BUY, PRICE, 2 * ONE, tif=IOC)
        await anna.pass_turn()
        await anna.until(lambda: anna.has_turn)
        assert anna.kinds() == ["SETUP", "CREATE_ORDER", "YIELD", "TRADE", "CANCEL_ORDER", "YIELD"]
        assert anna.fills(order) == [(PRICE, ONE)]

    play(tmp_path, body)


def test_the_turn_is_asked_for_and_yielded(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        await anna.place_in_turn(SELL)
        await anna.pass_turn()
        await pause()
        assert not anna.has_turn  # an order rests: the broker keeps the turn for its fills
        await anna.take_turn()
        held = anna.last.increment if anna.last else 0
        await anna.place_in_turn(SELL, PRICE + 10**6)
        await anna.pass_turn()
        await anna.ask_turn(held)  # asked in an earlier turn: asks for nothing now
        await pause(0.4)
        assert not anna.has_turn

    play(tmp_path, body)


def test_an_order_the_broker_does_not_take_is_refused_with_a_void(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        signed = anna.sign_order(SELL, PRICE, ONE, expiry=2**40)
        state = anna.opening(signed)
        found = await anna.issue(state, signed)
        assert found.reason == "ORDER_EXPIRY"
        assert found.refuse is not None
        assert found.refuse.state.increment == state.increment + 1
        # until it is countersigned nothing else is signed, and the same state gets the same answer
        assert await anna.issue(state, signed) == found
        await anna.countersign(found.refuse)
        order = await anna.place_in_turn(SELL)
        assert anna.has_open(order)
        assert [entry.status for entry in broker.ledger.journal.at(anna.channel, 1)] == [Status.REFUSED]

    play(tmp_path, body)


def test_a_cancel_of_an_order_with_fills_under_way_is_refused(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        ask = await ben.place_in_turn(SELL)
        await anna.place_in_turn(BUY)
        found = await ben.issue(ben.cancelling(ask))
        assert found.reason == "ORDER_MATCHED"
        assert found.refuse is not None
        await ben.countersign(found.refuse)
        await ben.pass_turn()
        await ben.until(lambda: ben.fills(ask))

    play(tmp_path, body)


def test_a_turn_kept_back_takes_the_orders_out_of_the_book(tmp_path: Path) -> None:
    """Who lets the broker wait for the turn writes himself an option: for T, and not for longer."""

    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        ask = await ben.place_in_turn(SELL)
        other = await ben.place_in_turn(SELL, PRICE + 10**6)
        await anna.place_in_turn(BUY)
        await ben.until(lambda: ben.asked)
        await ben.until(lambda: other not in broker.floor.books[PAIR])
        signed = ben.sign_order(SELL, PRICE + 2 * 10**6, ONE)  # what he issues meanwhile does not make him punctual
        assert (await ben.issue(ben.opening(signed), signed)).reason == "ORDER_NOT_PRESENT"
        void = broker.floor.channels[ben.channel].void
        assert void is not None
        assert void.broker_signature is not None
        await ben.countersign(wire.SignedState(void.state, void.broker_signature))
        assert other not in broker.floor.books[PAIR]
        await ben.pass_turn()
        await ben.until(lambda: ben.fills(ask))
        await ben.until(lambda: other in broker.floor.books[PAIR])

    play(tmp_path, body, answer_time=2)


# --- lies ------------------------------------------------------------------------------------------------------------


def _row(state: State) -> State:
    first, *rest = state.balances
    return replace(state, balances=(Balance(first.asset, first.available + 1, first.locked), *rest))


def _trade(anna: Partner, order: bytes) -> State:
    return anna.make(Transition.TRADE, fills=(Fill(order, PRICE, ONE, 0),))


LIES: dict[str, tuple[str, Callable[[Partner, bytes], State]]] = {
    "a trade, which is the broker's": ("TRN-NOT-HIS", _trade),
    "a yield that moves a unit": ("BAL-INFLATE", lambda anna, _: _row(anna.make(Transition.YIELD))),
    "a yield that keeps the turn": ("TRN-NEXT", lambda anna, _: anna.make(Transition.YIELD, turn=Role.TRADER)),
    "a cancel that takes the turn away": ("TRN-NEXT", lambda anna, o: replace(anna.cancelling(o), turn=Role.BROKER)),
    "a number skipped": ("INC-SKIP", lambda anna, _: anna.make(Transition.YIELD, increment=4)),
    "another predecessor": ("CHN-PREV-FORK", lambda anna, _: anna.make(Transition.YIELD, previous=b"\7" * 32)),
    "another state at a number": ("EQV-TWO", lambda anna, _: anna.make(Transition.YIELD, increment=1)),
    "another setup": ("INC-ZERO", lambda anna, _: anna.make(Transition.YIELD, increment=0)),
    "finalize with an open order": ("FIN-OPEN-ORDERS", lambda anna, _: anna.make(Transition.FINALIZE)),
    "an order nobody signed": (
        "ORD-UNKNOWN",
        lambda anna, _: anna.opening(replace(anna.sign_order(SELL, PRICE, ONE), id=b"\5" * 32)),
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_flagged_and_never_signed(tmp_path: Path, name: str) -> None:
    code, make = LIES[name]

    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        order = await anna.place_in_turn(SELL)
        lie = make(anna, order)
        before = broker.ledger.journal.count(anna.channel)
        assert await rejected(anna.issue(lie)) == "FLAGGED"
        flags = broker.ledger.journal.flags(anna.channel)
        assert [flag.flag.code for flag in flags] == [code]
        assert flags[0].digest == DOMAIN.digest(lie).digest
        assert b'"propose"' in flags[0].raw
        assert broker.ledger.journal.count(anna.channel) == before
        # nothing more is signed, and nobody trades with him
        assert await rejected(anna.pass_turn()) == "FROZEN"
        assert order not in broker.floor.books[PAIR]

    play(tmp_path, body)


def test_a_state_in_the_brokers_turn_is_flagged(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        order = await anna.place_in_turn(SELL)
        await anna.pass_turn()
        assert await rejected(anna.issue(anna.cancelling(order))) == "FLAGGED"
        assert [flag.flag.code for flag in broker.ledger.journal.flags(anna.channel)] == ["TRN-NOT-HIS"]

    play(tmp_path, body)


def test_nothing_follows_a_finalize(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        await anna.issue(anna.make(Transition.FINALIZE))
        assert await rejected(anna.pass_turn()) == "FLAGGED"
        assert [flag.flag.code for flag in broker.ledger.journal.flags(anna.channel)] == ["FIN-AFTER"]

    play(tmp_path, body)


def test_what_the_trader_did_not_sign_freezes_nothing(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        assert await rejected(anna.issue(anna.make(Transition.YIELD), key=ben.session)) == "SIG-OTHER-KEY"
        assert broker.ledger.journal.flags(anna.channel) == []
        assert (await anna.pass_turn()).ack is not None

    play(tmp_path, body)


def test_a_claimed_time_ahead_is_held_and_not_flagged(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        state = anna.make(Transition.YIELD)
        assert await rejected(anna.issue(replace(state, time=state.time + 600))) == "HELD"
        assert broker.ledger.journal.flags(anna.channel) == []

    play(tmp_path, body)


def test_a_storm_of_yields_is_slowed_and_then_cut(tmp_path: Path) -> None:
    """TRN-YIELD-STORM: with an interval of a minute, eight may come together, then one a minute; then goodbye."""

    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        codes: list[str] = []
        assert anna.peer is not None
        while not anna.peer.closed and len(codes) < 30:
            if anna.has_turn:
                try:
                    await anna.pass_turn()
                except WalletError as error:
                    codes.append(error.code)
            await pause(0.01)
        assert codes[:3] == ["RATE"] * 3
        assert "TRN-YIELD-STORM" in codes
        assert anna.kinds().count("YIELD") <= 2 * 10

    with pytest.MonkeyPatch.context() as patch:
        # the broker's own interval would slow it down to one exchange a minute
        patch.setattr("wallet.broker.channel.may_yield", lambda *_: True)
        play(tmp_path, body, yield_interval=60)


def test_only_its_own_flow_is_spoken_in_a_channel(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "ORDER_INITIATIVE"
        terms = await anna.offer(((ETH, ONE), (USDT, 10**9)))
        asked = wire.Setup(terms, anna.owner.sign(DOMAIN.digest(terms)))
        assert await rejected(anna.ask(methods.SETUP, asked)) == "SETUP_INITIATIVE"

    play(tmp_path, body)


def test_a_setup_needs_the_owners_signature(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        other = Partner(url_of(broker))
        await other.connect()
        terms = await other.offer(((ETH, ONE), (USDT, 10**9)))
        other.owner = other.session
        assert await rejected(other.setup(terms)) == "SETUP_SIGNATURE"
        assert other.channel not in broker.floor.channels
        await other.disconnect()

    play(tmp_path, body)


# --- breaks ----------------------------------------------------------------------------------------------------------


async def cut(partner: Partner) -> None:
    partner.stop_beating()
    assert partner.peer is not None
    partner.peer.abort()
    await pause()


def test_an_answer_that_was_lost_is_given_again_with_the_same_bytes(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        signed = anna.sign_order(SELL, PRICE, ONE)
        state = anna.opening(signed)
        lost = await replace_of(anna).issue(state, signed)
        await cut(anna)
        found = await anna.reconnect()
        assert found.increment == 1  # he has it; the trader only lacks the answer
        assert (await anna.issue(state, signed)).ack == lost.ack

    def replace_of(anna: Partner) -> Partner:
        """One that forgets what it is answered."""
        return replace(anna, states=[])

    play(tmp_path, body)


def test_a_yield_whose_answer_was_lost_is_answered_by_the_same_state(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        await ben.place_in_turn(SELL)
        await ben.pass_turn()
        bid = await anna.place_in_turn(BUY)
        anna.decide = lambda state: "hold"
        state = anna.make(Transition.YIELD)
        lost = await anna.issue(state)
        assert lost.next is not None
        await cut(anna)
        again = restated(
            anna, decide=lambda _: "ack", last=anna.states[1], last_digest=DOMAIN.digest(anna.states[1]).digest
        )
        again.increment, again.states, again.proposals = 2, list(anna.states[:2]), []
        await again.reconnect()
        assert (await again.issue(state)).next == lost.next
        await again.until(lambda: again.is_gone(bid))
        assert DOMAIN.digest(again.proposals[0].state).digest == lost.next
        await again.disconnect()

    play(tmp_path, body)


def test_a_refusal_survives_the_broker(tmp_path: Path) -> None:
    async def whole() -> None:
        chain = MemoryChain()
        policy: dict[str, Any] = {"initiative": Initiative.COOPERATIVE}
        async with running(tmp_path, chain, **policy) as broker:
            anna = await opened(url_of(broker), chain)
            signed = anna.sign_order(SELL, PRICE, ONE, expiry=2**40)
            state = anna.opening(signed)
            found = await anna.issue(state, signed)
            await cut(anna)
        async with running(tmp_path, chain, **policy) as broker:
            anna.url = url_of(broker)
            await anna.reconnect()
            assert await anna.issue(state, signed) == found
            assert found.refuse is not None
            await anna.countersign(found.refuse)
            await cut(anna)  # the countersigned void is the highest state of both
            assert (await anna.reconnect()).increment == 2
            await anna.place_in_turn(SELL)
            await anna.disconnect()

    asyncio.run(whole())
