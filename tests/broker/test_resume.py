"""After a break: the same bytes, both sides at the same state, nothing lost; whatever ended the connection."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.broker.broker_process import Process
from tests.broker.kit import BROKER_SIGNER, DOMAIN, ONE, PRICE, WITHIN, MemoryChain, Trader, running, url_of
from tests.broker.test_presence import PAIR, hold_trades, refuse_trades
from tests.broker.test_trading import BUY, SELL, play, rejected
from tests.support.game import ETH, USDT
from wallet.broker.book import Reason
from wallet.broker.chain_watch import ChainView, Standing
from wallet.broker.server import Broker
from wallet.history.journal import Journal, Status
from wallet.history.store import Store, open_reader
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import ZERO_DIGEST, Transition
from wallet.wire import messages as wire
from wallet.wire import methods


def test_what_was_not_answered_comes_again_with_the_same_bytes(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        anna.decide = lambda state: "hold"
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: len(anna.proposals) == 2)
        anna.stop_beating()
        assert anna.peer is not None
        anna.peer.abort()
        await anna.connect()
        anna.decide = lambda state: "ack"
        found = await anna.resume()
        assert (found.increment, found.digest) == (0, anna.states[0] and DOMAIN.digest(anna.states[0]).digest)
        anna.start_beating()
        await anna.until(lambda: anna.has_open(order))
        sent = [(proposal.state, proposal.signature) for proposal in anna.proposals[1:]]
        assert len(sent) >= 2
        assert len(set(sent)) == 1

    play(tmp_path, body)


def test_an_answer_that_was_lost_is_asked_for_again(tmp_path: Path) -> None:
    """He answered, the answer did not arrive: he is ahead by what is still unanswered to the broker."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        def ack_and_die(state: object) -> str:
            assert anna.peer is not None
            anna.peer.abort()
            return "ack"

        anna.decide = ack_and_die
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(order))
        assert broker.floor.channels[anna.channel].pending is not None
        anna.decide = lambda state: "ack"
        found = await anna.reconnect()
        assert found.increment == 0
        await anna.until(lambda: order in broker.floor.books[PAIR])

    play(tmp_path, body)


def test_a_fill_waits_for_the_first_heartbeat_of_a_connection(tmp_path: Path) -> None:
    """Whoever has no heartbeat echoed on a connection refuses fills that come on it."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: ask in broker.floor.books[PAIR])
        anna.decide = hold_trades
        await ben.order(BUY, PRICE, ONE)
        await anna.until(lambda: len(anna.proposals) == 3)
        anna.stop_beating()
        assert anna.peer is not None
        anna.peer.abort()
        await anna.connect()
        await anna.resume()
        anna.decide = lambda state: "ack"
        await asyncio.sleep(0.3)
        assert len(anna.proposals) == 3
        await anna.beat()
        await anna.until(anna.fills)
        assert len({proposal.signature for proposal in anna.proposals[2:]}) == 1

    play(tmp_path, body, answer_time=5)


def test_a_refusal_whose_countersignature_was_lost(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: ask in broker.floor.books[PAIR])
        anna.decide = refuse_trades
        assert anna.peer is not None
        del anna.peer.handlers["ack"]  # the countersignature meets nobody
        await ben.order(BUY, PRICE, ONE)
        channel = broker.floor.channels[anna.channel]
        await anna.until(lambda: channel.last and channel.last.state.transition is Transition.VOID)
        assert "VOID" not in anna.kinds()
        await anna.disconnect()
        anna.decide = lambda state: "ack"
        found = await anna.reconnect()
        assert found.increment >= 3
        await anna.until(lambda: anna.is_gone(ask))
        assert anna.kinds()[-2:] == ["VOID", "CANCEL_ORDER"]

    play(tmp_path, body)


def test_a_countersignature_that_was_declined_keeps_nobody_from_trading_for_ever(tmp_path: Path) -> None:
    """A refused order leaves nothing that would be answered afterwards: the next connection begins anew."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        anna.decide = lambda state: "refuse" if state.transition is Transition.CREATE_ORDER else "ack"
        assert anna.peer is not None
        del anna.peer.handlers["ack"]
        await anna.order(SELL, PRICE, ONE)
        channel = broker.floor.channels[anna.channel]
        await anna.until(lambda: channel.late)
        await anna.disconnect()
        anna.decide = lambda state: "ack"
        await anna.reconnect()
        await anna.beat()
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: ask in broker.floor.books[PAIR])

    play(tmp_path, body)


def test_histories_that_can_not_be_one_are_told_apart(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: order in broker.floor.books[PAIR])
        await anna.disconnect()
        await anna.connect()
        state, digest = anna.last, anna.last_digest
        assert state is not None
        anna.last_digest = b"\x09" * 32
        assert await rejected(anna.resume()) == "RESUME_FORK"
        anna.last = type(state)(**{**{n: getattr(state, n) for n in state.__dataclass_fields__}, "increment": 9})
        assert await rejected(anna.resume()) == "RESUME_BEHIND"
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "CHANNEL_NOT_RESUMED"
        anna.last, anna.last_digest = state, digest
        await anna.resume()

    play(tmp_path, body)


def test_states_a_side_lost_are_given_back(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        await ben.order(BUY, PRICE, 3 * ONE)
        for _ in range(3):
            await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: len(anna.fills()) == 3)
        await anna.until(lambda: broker.floor.channels[anna.channel].pending is None)
        found: list[wire.ProvenState] = []
        while True:
            after = found[-1].state.increment if found else -1
            page = (await anna.ask(methods.STATES, wire.StatesRequest(anna.channel, after, 2))).states
            if not page:
                break
            found += page
        assert [row.state for row in found] == anna.states
        for row in found:
            typed = DOMAIN.digest(row.state)
            assert row.signatures.broker is not None
            assert row.signatures.trader is not None
            require_signer(typed, row.signatures.broker, (BROKER_SIGNER.address,))
            require_signer(typed, row.signatures.trader, (anna.session.address, anna.owner.address))
            opened = row.state.transition is Transition.CREATE_ORDER
            assert [signed.id for signed in row.intents] == ([row.state.open_orders[-1].id] if opened else [])
        assert await rejected(ben.ask(methods.STATES, wire.StatesRequest(anna.channel, -1, 5))) == "AUTH_NEEDED"

    play(tmp_path, body)


def test_nothing_is_proposed_to_who_has_yet_to_fetch_what_he_lost(tmp_path: Path) -> None:
    """His disk forgot the last states: he takes them back first, else the next one would look like a lie."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        early = (anna.last, anna.last_digest, anna.increment, len(anna.states))
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: order in broker.floor.books[PAIR])
        await anna.disconnect()
        anna.last, anna.last_digest, anna.increment, count = early
        del anna.states[count:]
        anna.orders.clear()
        await anna.connect()
        assert (await anna.resume()).increment == 1
        broker.floor.expire()
        with broker.ledger.turn():
            broker.floor.take_out(broker.floor.channels[anna.channel], order, Reason.ASKED)
        await asyncio.sleep(0.2)
        assert anna.proposals[-1].state.increment == 1  # what he was sent before the break
        assert await rejected(anna.beat()) == "BEAT_STALE"
        for row in (await anna.ask(methods.STATES, wire.StatesRequest(anna.channel, 0, 10))).states:
            anna.orders |= {signed.id: signed.order for signed in row.intents}
            anna._validated(row.state, DOMAIN.digest(row.state).digest)
        await anna.beat()
        await anna.until(lambda: anna.is_gone(order))

    play(tmp_path, body)


def test_a_channel_that_is_over_can_still_be_asked_about(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        chain = broker.chain
        assert isinstance(chain, MemoryChain)
        chain.tell(anna.channel, ChainView(Standing.SETTLED, 0))
        await anna.beat()
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "CHANNEL_PHASE"
        await anna.disconnect()
        found = await anna.reconnect()
        assert (found.increment, found.digest) == (0, anna.last_digest)
        await anna.beat()
        assert await rejected(anna.cancel(b"\x01" * 32)) == "CHANNEL_PHASE"
        assert await rejected(anna.finalize()) == "CHANNEL_PHASE"

    play(tmp_path, body)


def test_a_second_connection_takes_over(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        old = anna.peer
        assert old is not None
        anna.stop_beating()
        await anna.reconnect()
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: order in broker.floor.books[PAIR])
        beat = wire.StatesRequest(anna.channel, -1, 1)
        assert (await methods.ask(old, methods.STATES, beat, WITHIN)).states  # it may read, but speaks for it no more
        await old.close()
        await asyncio.sleep(0.1)
        assert order in broker.floor.books[PAIR]

    play(tmp_path, body)


def test_a_stopped_broker_goes_on_where_it_was(tmp_path: Path) -> None:
    """Queued fills, pending states, open orders, the tape: all there after a restart."""

    async def whole() -> None:
        chain = MemoryChain()
        async with running(tmp_path, chain) as broker:
            port = broker.port
            anna, ben = Trader(url_of(broker)), Trader(url_of(broker))
            await asyncio.gather(anna.open(chain), ben.open(chain))
            resting = await anna.order(SELL, PRICE + 10**7, ONE)
            ask = await anna.order(SELL, PRICE, 5 * ONE)
            await anna.until(lambda: ask in broker.floor.books[PAIR])
            anna.decide = hold_trades
            for _ in range(3):
                await ben.order(BUY, PRICE, ONE)
            await ben.until(lambda: len(ben.fills()) == 3)
            channel = broker.floor.channels[anna.channel]
            assert (len(channel.sent), len(channel.fills)) == (1, 2)
            bytes_before = anna.proposals[-1].signature
            anna.stop_beating()
            ben.stop_beating()
        anna.decide = lambda state: "ack"
        async with running(tmp_path, chain, port) as broker:
            channel = broker.floor.channels[anna.channel]
            assert (len(channel.sent), len(channel.fills)) == (1, 2)
            assert sum(channel.unacked.values()) == 6_000 * 10**6
            await anna.reconnect()
            await ben.reconnect()
            await anna.until(lambda: sum(quantity for _, quantity in anna.fills()) == 3 * ONE)
            assert bytes_before in [proposal.signature for proposal in anna.proposals[-2:]]
            await anna.until(lambda: {resting, ask} <= set(broker.floor.books[PAIR]._orders))
            await ben.order(BUY, PRICE, 2 * ONE)
            await anna.until(lambda: anna.is_gone(ask))
            assert not anna.flags + ben.flags
            candles = broker.feed.candles(PAIR, 3_600, 5).candles
            assert sum(candle.volume for candle in candles) == 5 * ONE
            await anna.disconnect()
            await ben.disconnect()

    asyncio.run(whole())


def test_two_brokers_in_one_folder(tmp_path: Path) -> None:
    async def whole() -> None:
        async with running(tmp_path):
            with pytest.raises(WalletError) as caught:
                async with running(tmp_path):
                    pass
            assert caught.value.code == "BROKER_RUNNING"

    asyncio.run(whole())


def test_a_broker_whose_disk_fails_signs_nothing_more(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: ask in broker.floor.books[PAIR])
        before = len(anna.proposals)
        broker.ledger.store._db.execute("PRAGMA query_only=ON")  # every write fails from now on
        with pytest.raises(WalletError) as caught:
            await anna.order(SELL, PRICE, ONE)
        assert caught.value.code in ("BROKER_HALTED", "RPC_CLOSED")
        await asyncio.wait_for(broker.stopped.wait(), WITHIN)
        assert broker.ledger.failed
        assert len(anna.proposals) == before

    play(tmp_path, body)


def test_no_answer_leaves_before_the_disk_has_it(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)

        def fail() -> None:
            raise OSError(28, "No space left on device")

        broker.ledger.before_commit = fail
        with pytest.raises(WalletError) as caught:
            await anna.order(SELL, PRICE, ONE)
        assert caught.value.code in ("BROKER_HALTED", "RPC_CLOSED")
        await asyncio.wait_for(broker.stopped.wait(), WITHIN)

    play(tmp_path, body)


@pytest.mark.e2e
def test_kill_and_start_again_while_states_flow(tmp_path: Path) -> None:
    """Kill −9 at any moment: afterwards both sides agree, one digest per increment, no half of a trade lost."""

    async def whole() -> None:
        process = Process(tmp_path)
        process.start()
        chance = random.Random(7)
        anna, ben = Trader(process.url), Trader(process.url)
        for trader in (anna, ben):
            await trader.connect()
            await trader.setup(await trader.offer([(ETH, 100 * ONE), (USDT, 400_000 * 10**6)]))
            await trader.beat()
            trader.start_beating()
        stop = asyncio.Event()
        flows = [asyncio.create_task(_flow(anna, SELL, stop)), asyncio.create_task(_flow(ben, BUY, stop))]
        for _ in range(4):
            await asyncio.sleep(0.3 + chance.random() * 0.5)
            process.kill()
            process.start()
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*flows)
        await anna.until(lambda: _settled(tmp_path))
        assert not anna.flags + ben.flags
        for trader in (anna, ben):
            await trader.disconnect()
        process.stop()
        _judge(tmp_path, anna, ben)

    asyncio.run(whole())


async def _flow(trader: Trader, side: object, stop: asyncio.Event) -> None:
    """Orders as fast as they are answered; whatever breaks is resumed, and what was not answered sent again."""
    pending = None
    while not stop.is_set():
        try:
            if trader.peer is None or trader.peer.closed:
                trader.stop_beating()
                await trader.connect()
                await trader.resume()
                await trader.beat()
                trader.start_beating()
            if pending is None or pending.order.open_before < int(asyncio.get_running_loop().time()):
                pending = trader.sign_order(side, PRICE, ONE // 10)
            await trader.place(pending)
            pending = None
            await asyncio.sleep(0.005)
        except WalletError as error:
            if error.code not in ("RPC_CLOSED", "RPC_UNKNOWN", "BROKER_UNREACHABLE", "BROKER_HANDSHAKE", "BEAT_STALE"):
                pending = None
            await asyncio.sleep(0.05)


def _settled(folder: Path) -> bool:
    """Nothing is on its way any more, as another process reads it."""
    reader = open_reader(folder / "broker.db")
    waiting = "SELECT (SELECT count(*) FROM fills) + (SELECT count(*) FROM states WHERE status = 0)"
    found = reader.execute(waiting).fetchone() == (0,)
    reader.close()
    return found


def _judge(folder: Path, *traders: Trader) -> None:
    from wallet.broker import ledger as broker_ledger
    from wallet.history import schema as history

    version = history.SCHEMA_VERSION * 1_000 + broker_ledger.VERSION
    store = Store(folder / "broker.db", history.SCHEMA + broker_ledger.SCHEMA, version)
    journal = Journal(store)
    filled = []
    for trader in traders:
        latest = journal.latest(trader.channel)
        assert latest is not None
        assert latest.digest == trader.last_digest
        digests: dict[int, set[bytes]] = {}
        for proposal in trader.proposals:
            digests.setdefault(proposal.state.increment, set()).add(DOMAIN.digest(proposal.state).digest)
        assert all(len(found) == 1 for found in digests.values())
        previous = ZERO_DIGEST
        for entry in journal.after(trader.channel, -1, 100_000):
            assert entry.state.previous == previous
            assert entry.status is Status.VALIDATED
            assert entry.trader_signature
            assert entry.broker_signature
            previous = entry.digest
        filled.append(sum(quantity for _, quantity in trader.fills()))
    left = store.rows("SELECT count(*) FROM fills")
    assert left == [(0,)]
    trades = store.rows("SELECT amount FROM trades")
    assert sum(int(row[0]) for row in trades) == filled[0] == filled[1] > ONE
    store.close()
