"""Who is absent is not matched, who withholds answers wins nothing, and what is refused the broker carries."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.broker.kit import ONE, PRICE, WITHIN, MemoryChain, Trader, url_of
from tests.broker.test_trading import BUY, SELL, play, rejected
from tests.support.game import ETH, ETH_USDT, USDT
from wallet.app.messages import explain
from wallet.broker.channel import Phase
from wallet.broker.server import Broker
from wallet.protocol.state import State, Transition

PAIR = (ETH_USDT.base, ETH_USDT.quote)


def hold_trades(state: State) -> str:
    return "hold" if state.transition is Transition.TRADE else "ack"


def refuse_trades(state: State) -> str:
    return "refuse" if state.transition is Transition.TRADE else "ack"


def test_a_refused_fill_costs_two_numbers_and_not_the_channel(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, 2 * ONE)
        await anna.until(lambda: anna.has_open(ask))
        anna.decide = refuse_trades
        await ben.order(BUY, PRICE, ONE)
        await ben.until(ben.fills)  # the other side has its fill all the same
        await anna.until(lambda: "VOID" in anna.kinds())
        # the order it was of is taken out: nobody is filled on what its owner refuses
        await anna.until(lambda: anna.is_gone(ask))
        assert anna.kinds() == ["SETUP", "CREATE_ORDER", "VOID", "CANCEL_ORDER"]
        assert [state.increment for state in anna.states] == [0, 1, 3, 4]
        assert anna.balance(ETH) == (10 * ONE, 0)
        assert anna.balance(USDT) == (50_000 * 10**6, 0)
        assert broker.ledger.carried() == 1
        anna.decide = lambda state: "ack"
        again = await anna.order(SELL, PRICE, ONE)
        await ben.order(BUY, PRICE, ONE)
        await anna.until(lambda: anna.is_gone(again))
        assert anna.fills() == [(PRICE, ONE)]

    play(tmp_path, body)


def test_a_refused_opening_and_a_refused_cancel(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        anna.decide = lambda state: "refuse" if state.transition is Transition.CREATE_ORDER else "ack"
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: "VOID" in anna.kinds())
        assert not anna.has_open(order)
        anna.decide = lambda state: "refuse" if state.transition is Transition.CANCEL_ORDER else "ack"
        kept = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(kept))
        await anna.cancel(kept)
        await anna.until(lambda: anna.kinds().count("VOID") == 2)
        await ben.order(BUY, PRICE, ONE)
        await asyncio.sleep(0.3)
        assert not ben.fills()  # it is open and in no book
        assert anna.kinds()[-1] == "VOID"

    play(tmp_path, body)


def test_a_refused_finalize_is_never_countersigned(tmp_path: Path) -> None:
    """With the broker's signature on the end in her hand, she could trade on and settle by it when that pays better."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        anna.decide = lambda state: "refuse" if state.transition is Transition.FINALIZE else "ack"
        await anna.finalize()
        assert anna.peer is not None
        await asyncio.wait_for(anna.peer.wait_closed(), WITHIN)
        channel = broker.floor.channels[anna.channel]
        assert channel.last is not None
        assert channel.last.state.increment == 0
        assert channel.pending is not None
        assert channel.pending.state.transition is Transition.FINALIZE
        assert broker.ledger.journal.at(anna.channel, 2) == []
        anna.decide, anna.answers = (lambda state: "ack"), {}
        anna.stop_beating()
        await anna.reconnect()
        await anna.until(lambda: anna.kinds()[-1] == "FINALIZE")

    play(tmp_path, body)


def test_who_refuses_too_often_opens_no_more_orders(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        anna.decide = refuse_trades
        for count in range(1, 3):
            ask = await anna.order(SELL, PRICE, ONE)
            await anna.until(lambda a=ask: anna.has_open(a))
            await ben.order(BUY, PRICE, ONE)
            await anna.until(lambda n=count, a=ask: anna.kinds().count("VOID") == n and anna.is_gone(a))
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "ORDER_BENCHED"
        await anna.finalize()
        await anna.until(lambda: anna.kinds()[-1] == "FINALIZE")

    play(tmp_path, body, refused_fills=2)


def test_the_orders_of_who_is_absent_are_not_matched_and_come_back(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book = broker.floor.books[PAIR]
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: ask in book)
        anna.stop_beating()
        broker.floor.channels[anna.channel].beat_at = broker.clock.monotonic() - 100  # more than 2 H
        await ben.until(lambda: ask not in book)
        bid = await ben.order(BUY, PRICE, ONE)
        await ben.until(lambda: bid in book)
        assert not anna.fills()
        anna.start_beating()  # back: now her order is the one that comes to the book
        await anna.until(lambda: anna.is_gone(ask))
        assert anna.fills() == ben.fills() == [(PRICE, ONE)]

    play(tmp_path, body)


def test_a_maker_whose_heartbeat_is_stale_at_the_very_moment_is_skipped(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book = broker.floor.books[PAIR]
        ask = await anna.order(SELL, PRICE, ONE)
        worse = await ben.order(SELL, PRICE + 10**6, ONE)
        await ben.until(lambda: ask in book and worse in book)
        anna.stop_beating()
        broker.floor.channels[anna.channel].beat_at = broker.clock.monotonic() - 100  # before any sweep
        carl = Trader(url_of(broker))
        await carl.open(broker.chain)  # type: ignore[arg-type]
        broker.floor.channels[anna.channel].beat_at = broker.clock.monotonic() - 100
        await carl.order(BUY, PRICE + 10**6, ONE)
        await carl.until(carl.fills)
        assert carl.fills() == [(PRICE + 10**6, ONE)]
        assert not anna.fills()
        await carl.disconnect()

    play(tmp_path, body)


def test_a_disconnected_trader_is_absent_at_once(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book = broker.floor.books[PAIR]
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: ask in book)
        anna.stop_beating()
        assert anna.peer is not None
        anna.peer.abort()
        await ben.until(lambda: ask not in book)

    play(tmp_path, body)


def test_a_withheld_answer_takes_the_orders_off_the_book_and_wins_nothing(tmp_path: Path) -> None:
    """She waits to see where the price goes; she gets no second fill, and at most maxUnacked of the first."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book, channel = broker.floor.books[PAIR], broker.floor.channels[anna.channel]
        asks = [await anna.order(SELL, PRICE + step * 10**6, ONE) for step in range(3)]
        await anna.until(lambda: all(ask in book for ask in asks))
        anna.decide = hold_trades
        await ben.order(BUY, PRICE, ONE)
        await ben.until(ben.fills)
        # heartbeats go on, but after T without an answer her other orders leave
        await ben.until(lambda: not any(ask in book for ask in asks))
        assert channel.late
        assert sum(channel.unacked.values()) == 2_000 * 10**6 <= ETH_USDT.max_unacked
        await ben.order(BUY, PRICE + 10**7, ONE)
        await asyncio.sleep(0.3)
        assert ben.fills() == [(PRICE, ONE)]
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "ORDER_NOT_PRESENT"
        # the price moved against her: she refuses. The broker carries what it was bound to carry, no more
        anna.decide = refuse_trades
        await anna.until(lambda: "VOID" in anna.kinds())
        assert broker.ledger.carried() == 1
        anna.decide = lambda state: "ack"
        await anna.until(lambda: len(anna.fills()) == 1)  # present again: back in the book, and matched
        assert anna.fills() == [(PRICE + 10**7, ONE)]

    play(tmp_path, body, answer_time=2)


def test_after_a_late_answer_the_orders_come_back(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book = broker.floor.books[PAIR]
        ask = await anna.order(SELL, PRICE + 10**6, ONE)
        await anna.until(lambda: ask in book)
        anna.decide = lambda state: "hold"
        await anna.order(SELL, PRICE + 2 * 10**6, ONE)
        await ben.until(lambda: ask not in book)
        anna.decide = lambda state: "ack"
        await anna.until(lambda: len(book) == 2)

    play(tmp_path, body, answer_time=2)


def test_fills_without_an_answer_stay_within_the_bound(tmp_path: Path) -> None:
    """maxUnacked is 50,000 USDT: of thirty buyers of one ETH, 25 are filled before she answers, never more."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book, channel = broker.floor.books[PAIR], broker.floor.channels[anna.channel]
        carl = Trader(url_of(broker))
        await carl.open(broker.chain, (ETH, 40 * ONE), (USDT, 100_000 * 10**6))  # type: ignore[arg-type]
        asks = [await carl.order(SELL, PRICE, 10 * ONE) for _ in range(3)]
        await carl.until(lambda: all(ask in book for ask in asks))
        channel = broker.floor.channels[carl.channel]
        carl.decide = hold_trades
        for _ in range(24):
            await ben.order(BUY, PRICE, ONE)
        await asyncio.gather(ben.until(lambda: len(ben.fills()) == 24))
        await anna.order(BUY, PRICE, ONE)
        await anna.order(BUY, PRICE, ONE)
        await anna.until(anna.fills)
        await asyncio.sleep(0.2)
        assert sum(channel.unacked.values()) == 50_000 * 10**6
        assert len(anna.fills()) == 1
        carl.decide = lambda state: "ack"
        await anna.until(lambda: len(anna.fills()) == 2)  # acknowledged: there is room again
        assert not carl.flags
        await carl.disconnect()

    play(tmp_path, body, answer_time=5)


def test_many_fills_of_one_channel_become_one_state(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, 8 * ONE)
        await anna.until(lambda: anna.has_open(ask))
        anna.decide = hold_trades
        await ben.order(BUY, PRICE, ONE)
        await ben.until(ben.fills)
        for _ in range(6):
            await ben.order(BUY, PRICE, ONE)
        await ben.until(lambda: len(ben.fills()) == 7)
        anna.decide = lambda state: "ack"
        await anna.until(lambda: sum(quantity for _, quantity in anna.fills()) == 7 * ONE)
        assert anna.kinds() == ["SETUP", "CREATE_ORDER", "TRADE", "TRADE"]
        assert anna.fills() == [(PRICE, ONE), (PRICE, 6 * ONE)]

    play(tmp_path, body, answer_time=5)


def test_a_stale_or_old_heartbeat_is_no_presence(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        anna.stop_beating()
        await anna.beat(at=int(broker.clock.now()) + 50)
        assert await rejected(anna.beat()) == "BEAT_OLD"
        assert anna.last is not None
        digest, anna.last_digest = anna.last_digest, b"\x01" * 32
        assert await rejected(anna.beat(at=int(broker.clock.now()) + 60)) == "BEAT_STALE"
        anna.last_digest = digest

    play(tmp_path, body)


def test_a_declined_state_stops_the_channel_and_nothing_else(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(ask))
        anna.decide = lambda state: "FLAGGED"
        await anna.order(SELL, PRICE, ONE)
        channel = broker.floor.channels[anna.channel]
        await anna.until(lambda: channel.stuck == "FLAGGED")
        assert ask not in broker.floor.books[PAIR]
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "CHANNEL_STUCK"
        bid = await ben.order(BUY, PRICE, ONE)
        await ben.until(lambda: ben.has_open(bid))
        # he looked at it, and connects again: the same bytes come once more
        await anna.disconnect()
        anna.decide = lambda state: "ack"
        first = anna.proposals[-1]
        await anna.reconnect()
        await anna.until(lambda: len(anna.last.open_orders) == 2 or anna.fills())  # type: ignore[union-attr]
        assert [p.signature for p in anna.proposals if p.state.increment == first.state.increment] == [
            first.signature
        ] * 2

    play(tmp_path, body)


@pytest.mark.parametrize("answer", ["HELD", "NOT_OPEN", "RATE", "BUSY"])
def test_states_declined_for_now_are_proposed_again(tmp_path: Path, answer: str) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        asked = 0

        def held_once(state: State) -> str:
            nonlocal asked
            asked += 1
            return answer if asked == 1 else "ack"

        anna.decide = held_once
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(ask))
        assert len({proposal.signature for proposal in anna.proposals[1:]}) == 1

    play(tmp_path, body)


def test_a_channel_in_dispute_signs_nothing_but_cancels_and_finalize(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        from wallet.broker.chain_watch import ChainView, Standing

        chain = broker.chain
        assert isinstance(chain, MemoryChain)
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: ask in broker.floor.books[PAIR])
        now = int(broker.clock.now())
        chain.tell(anna.channel, ChainView(Standing.DISPUTED, 0, now + 60))
        await anna.until(lambda: chain.responses)
        assert chain.responses[0].state == anna.last  # answered with the highest validated state
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "CHANNEL_PHASE"
        await ben.order(BUY, PRICE, ONE)
        await asyncio.sleep(0.2)
        assert not ben.fills()
        await anna.cancel(ask)
        await anna.until(lambda: anna.is_gone(ask))
        await anna.finalize()
        await anna.until(lambda: broker.floor.channels[anna.channel].phase is Phase.FINAL)
        chain.tell(anna.channel, ChainView(Standing.DISPUTED, 1, now + 60))
        await anna.until(lambda: chain.closed)
        chain.tell(anna.channel, ChainView(Standing.SETTLED, 2))
        assert anna.channel not in broker.floor.channels
        record = broker.ledger.journal.channel(anna.channel)
        await broker.ledger.durable()
        assert record is not None
        assert anna.channel not in chain.watched
        assert Phase(broker.ledger.journal.channel(anna.channel).phase) is Phase.SETTLED  # type: ignore[union-attr]

    play(tmp_path, body)


def test_the_operator_hears_of_an_answer_that_is_late_and_of_one_that_was_missed(tmp_path: Path) -> None:
    """The answer is sent, and nothing of it gets to the chain: at half of the period that is an alarm."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        from wallet.broker.chain_watch import ChainView, Standing

        chain = broker.chain
        assert isinstance(chain, MemoryChain)
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: ask in broker.floor.books[PAIR])
        assert anna.last is not None
        period = broker.floor.channels[anna.channel].terms.challenge_period
        begun = int(broker.clock.now())

        def after(seconds: int) -> str | None:
            chain.tell(anna.channel, ChainView(Standing.DISPUTED, 0, begun + period, begun + seconds))
            alarm = broker.keeper.alarms.get(anna.channel)
            return alarm and alarm.code

        assert after(0) is None
        await anna.until(lambda: chain.responses)
        assert after(period // 2 - 1) is None
        assert after(period // 2 + 1) == "OPERATOR_ANSWER_LATE"
        said = broker.keeper.alarms[anna.channel]
        assert (said.params["ours"], said.params["recorded"]) == (anna.last.increment, 0)
        assert str(anna.last.increment) in explain(said)
        assert after(period + 1) == "OPERATOR_PERIOD_MISSED"
        chain.tell(anna.channel, ChainView(Standing.SETTLED, 0))
        assert anna.channel not in broker.keeper.alarms

    play(tmp_path, body)


def test_a_dispute_left_alone_is_settled_after_its_deadline(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        from wallet.broker.chain_watch import ChainView, Standing

        chain = broker.chain
        assert isinstance(chain, MemoryChain)
        chain.tell(anna.channel, ChainView(Standing.DISPUTED, 0, int(broker.clock.now()) - 1))
        await anna.until(lambda: chain.settled)
        assert not chain.responses

    play(tmp_path, body)


def test_the_broker_closes_what_its_trader_leaves_final(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        chain = broker.chain
        assert isinstance(chain, MemoryChain)
        await anna.finalize()
        await anna.until(lambda: chain.closed)
        assert chain.closed[0].state.transition is Transition.FINALIZE

    play(tmp_path, body, close_after=1)
