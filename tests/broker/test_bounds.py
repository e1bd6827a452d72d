"""What the broker does not take: answers that do not hold, orders beyond its bounds, configurations that can't be."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import wallet.broker
from tests.broker.kit import (
    BROKER_OWNER,
    DOMAIN,
    MARKETS,
    ONE,
    PRICE,
    WITHIN,
    Key,
    MemoryChain,
    Trader,
    make_config,
    running,
    url_of,
)
from tests.broker.test_presence import PAIR, hold_trades
from tests.broker.test_trading import BUY, GTT, IOC, POST, SELL, play, rejected
from tests.support.game import ETH, ETH_USDT, USDT
from wallet.broker.config import check_config
from wallet.broker.errors import CODES
from wallet.broker.server import Broker
from wallet.history.journal import Status
from wallet.market.depth import Delta, Snapshot
from wallet.market.replica import BookReplica
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import State, Transition
from wallet.session.broker_profile import parse
from wallet.wire import market_messages as market
from wallet.wire import messages as wire
from wallet.wire import methods
from wallet.wire.client import connect
from wallet.wire.frames import Frame
from wallet.wire.methods import answer, ask, hear


@pytest.mark.parametrize("lie", ["ack by another", "void of more", "void of another number"])
def test_an_answer_that_does_not_hold_ends_the_connection_and_changes_nothing(tmp_path: Path, lie: str) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        async def lying(message: wire.Propose, _: Frame) -> wire.ProposeAnswer:
            anna.proposals.append(message)
            if lie == "ack by another":
                return wire.ProposeAnswer(ack=ben.session.sign(DOMAIN.digest(message.state)), refuse=None)
            honest = anna._refuse(message.state).refuse
            assert honest is not None
            void = honest.state
            if lie == "void of more":
                rich = tuple(row._replace(available=row.available + 1) for row in void.balances)
                void = replace(void, balances=rich)
            else:
                void = replace(void, increment=void.increment + 1)
            return wire.ProposeAnswer(ack=None, refuse=wire.SignedState(void, anna.session.sign(DOMAIN.digest(void))))

        assert anna.peer is not None
        answer(anna.peer, methods.PROPOSE, lying)
        signed = anna.sign_order(SELL, PRICE, ONE)
        await anna.place(signed)
        await asyncio.wait_for(anna.peer.wait_closed(), WITHIN)
        channel = broker.floor.channels[anna.channel]
        assert channel.pending is not None
        assert channel.last is not None
        assert channel.last.state.increment == 0
        entry = broker.ledger.journal.at(anna.channel, 1)[0]
        assert (entry.status, entry.trader_signature) == (Status.PENDING, None)
        anna.stop_beating()
        await anna.reconnect()
        await anna.until(lambda: anna.has_open(signed.id))
        assert len({proposal.signature for proposal in anna.proposals if proposal.state.increment == 1}) == 1

    play(tmp_path, body)


def test_requests_without_authentication(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        stranger = await connect(url_of(broker))
        signed = anna.sign_order(SELL, PRICE, ONE)
        assert await rejected(ask(stranger, methods.ORDER, wire.PlaceOrder(signed), 2)) == "AUTH_NEEDED"
        states = wire.StatesRequest(anna.channel, -1, 10)
        assert await rejected(ask(stranger, methods.STATES, states, 2)) == "AUTH_NEEDED"
        unknown = wire.StatesRequest(b"\x05" * 32, -1, 10)
        assert await rejected(anna.ask(methods.STATES, unknown)) == "CHANNEL_UNKNOWN"
        wanted = wire.OfferRequest(anna.owner.address, anna.session.address, ((ETH, ONE),), None)
        assert await rejected(ask(stranger, methods.OFFER, wanted, 2)) == "AUTH_NEEDED"
        assert anna.last is not None
        propose = wire.Propose(state=anna.last, signature=bytes(65), intents=())
        assert await rejected(anna.ask(methods.PROPOSE, propose)) == "PROPOSE_UNEXPECTED"
        await stranger.close()

    play(tmp_path, body)


def test_a_sale_that_would_bring_more_than_the_collateral_is_cancelled(tmp_path: Path) -> None:
    """At his own limit he may sell; at the price there is now, the broker could not owe him so much."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        carl = Trader(url_of(broker))
        await carl.open(broker.chain, (ETH, 10 * ONE))  # type: ignore[arg-type]
        assert carl.terms is not None
        room = next(row.collateral for row in carl.terms.assets if row.asset == USDT)
        assert room == 30_000 * 10**6
        bid = await anna.order(BUY, 2 * PRICE, 10 * ONE)
        await anna.until(lambda: bid in broker.floor.books[PAIR])
        sale = await carl.order(SELL, PRICE, 10 * ONE)
        await carl.until(lambda: carl.is_gone(sale) and not broker.floor.channels[carl.channel].pending)
        assert not carl.fills()
        record = broker.ledger.journal.intent(sale)
        assert record is not None
        assert (record.status, record.reason) == ("cancelled", "EXPOSURE")
        smaller = await carl.order(SELL, PRICE, 5 * ONE)
        await carl.until(lambda: carl.is_gone(smaller))
        assert carl.fills() == [(2 * PRICE, 5 * ONE)]
        await carl.disconnect()

    play(tmp_path, body)


@pytest.mark.parametrize("tif", [GTT, IOC])
def test_a_taker_with_too_much_unanswered_waits_or_is_cancelled(tmp_path: Path, tif: TimeInForce) -> None:
    """maxUnacked is 50,000: while 36,000 wait for answers, an order of 16,000 takes nothing."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book, carl = broker.floor.books[PAIR], Trader(url_of(broker))
        dora = Trader(url_of(broker))
        chain: Any = broker.chain
        await asyncio.gather(carl.open(chain, (USDT, 200_000 * 10**6)), dora.open(chain, (ETH, 40 * ONE)))
        maker = await carl.order(BUY, PRICE, 20 * ONE)
        offered = await ben.order(SELL, PRICE + 10**6, 10 * ONE)
        await carl.until(lambda: maker in book and offered in book)
        carl.decide = lambda state: "hold"
        taking = await carl.order(BUY, PRICE + 10**6, 8 * ONE, tif)
        await carl.until(lambda: carl.proposals[-1].state.order(taking))
        await dora.order(SELL, PRICE, 18 * ONE)
        await dora.until(dora.fills)
        carl.decide = hold_trades
        channel = broker.floor.channels[carl.channel]
        await carl.until(lambda: taking in (channel.cancels if tif is IOC else channel.waiting) or carl.is_gone(taking))
        assert taking not in book
        carl.decide = lambda state: "ack"
        await carl.until(lambda: carl.is_gone(taking))
        assert sum(quantity for _, quantity in carl.fills(taking)) == (0 if tif is IOC else 8 * ONE)
        await carl.until(lambda: sum(quantity for _, quantity in carl.fills(maker)) == 18 * ONE)
        assert not carl.flags + dora.flags
        await asyncio.gather(carl.disconnect(), dora.disconnect())

    play(tmp_path, body, answer_time=5)


def test_a_post_only_order_that_comes_back_to_a_crossed_market_goes(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book = broker.floor.books[PAIR]
        bid = await anna.order(BUY, PRICE, ONE, POST)
        await anna.until(lambda: bid in book)
        anna.stop_beating()
        assert anna.peer is not None
        anna.peer.abort()
        await ben.until(lambda: bid not in book)
        ask_id = await ben.order(SELL, PRICE - 10**6, ONE)
        await ben.until(lambda: ask_id in book)
        await anna.reconnect()
        await anna.until(lambda: anna.is_gone(bid))
        assert not anna.fills()
        assert ask_id in book

    play(tmp_path, body)


def test_a_shallow_subscription_stays_right_when_levels_come_into_view(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        peer, replica = await connect(url_of(broker)), BookReplica()
        hear(peer, methods.DEPTH, lambda news, _: replica.apply(Delta(*(getattr(news, n) for n in Delta._fields))))
        found = await ask(peer, methods.SUBSCRIBE, market.Subscribe(PAIR, 10), WITHIN)
        replica.load(Snapshot(*(getattr(found.snapshot, name) for name in Snapshot._fields)))
        placed = [await anna.order(SELL, PRICE + step * 10**6, ONE // 2) for step in range(15)]
        await anna.until(lambda: replica.asks(1) and len(replica.asks()) == 10)
        for order in placed[:8]:
            await anna.cancel(order)
        await anna.until(lambda: len(replica.asks()) == 7)
        assert replica.problem is None
        assert [price for price, _ in replica.asks()] == [PRICE + step * 10**6 for step in range(8, 15)]
        await ask(peer, methods.UNSUBSCRIBE, market.Unsubscribe(PAIR), WITHIN)
        before = replica.seq
        await anna.cancel(placed[9])
        await asyncio.sleep(0.2)
        assert replica.seq == before
        await peer.close()

    play(tmp_path, body, max_open_orders=20)


def test_the_profile_is_one_the_wallet_reads(tmp_path: Path) -> None:
    async def whole() -> None:
        async with running(tmp_path) as broker:
            profile = parse({**broker.profile(), "rpc": ["http://127.0.0.1:8545"]})
            assert profile.url == url_of(broker)
            assert profile.broker == BROKER_OWNER.address
            assert profile.domain == DOMAIN

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"host": "0.0.0.0"}, "BROKER_CONFIG"),
        ({"tokens": ()}, "BROKER_CONFIG"),
        ({"markets": (replace(MARKETS[0], taker_fee=5_000),)}, "BROKER_CONFIG"),
        ({"markets": (replace(MARKETS[0], reference_price=0),)}, "BROKER_CONFIG"),
        ({"markets": (replace(MARKETS[0], rules=ETH_USDT._replace(tick_size=3)),)}, "SET-TICK-LOT"),
        ({"markets": ()}, "SET-FUNDING"),
    ],
)
def test_a_configuration_no_trader_could_sign_is_refused(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    config = make_config(tmp_path)
    check_config(config)
    with pytest.raises(WalletError) as caught:
        Broker(replace(config, **change), MemoryChain())
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"challenge_period": 5}, "SET-PERIOD"),
        ({"max_fills": 0}, "SET-TERMS"),
    ],
)
def test_a_policy_no_trader_could_sign_is_refused(tmp_path: Path, policy: dict[str, Any], code: str) -> None:
    with pytest.raises(WalletError) as caught:
        check_config(make_config(tmp_path, **policy))
    assert caught.value.code == code


def test_the_table_of_codes_is_the_codes_in_use() -> None:
    source = "".join(path.read_text() for path in Path(wallet.broker.__path__[0]).glob("*.py"))
    used = set(re.findall(r'(?:refused|WalletError)\(\s*"([A-Z_-]+)"', source))
    from_the_wire = {"AUTH_NEEDED", "RATE"}
    inside = {"FLAG_UNKNOWN", "FLAG_LATER", "REFUSE_IMPOSSIBLE", "DISPUTE_IMPOSSIBLE"}  # for who runs it
    inside |= {"LEDGER_ROLLED_BACK", "STORE_FAILED"}
    inside |= {code for code in used if code.startswith(("SETTINGS_", "OPERATOR_", "RPC_"))}  # for who runs it
    assert used - inside == (set(CODES) | from_the_wire) - (from_the_wire - used)


def test_a_state_taken_for_another_is_never_acknowledged_twice(tmp_path: Path) -> None:
    """The answer to a state that was answered before is ignored, whatever it says."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: order in broker.floor.books[PAIR])
        channel = broker.floor.channels[anna.channel]
        last = channel.last
        assert last is not None
        assert last.trader_signature is not None
        broker.issuer.acknowledged(channel, last, last.trader_signature)
        refused: State = last.state
        assert refused.transition is Transition.CREATE_ORDER
        assert channel.last is last
        assert order in broker.floor.books[PAIR]

    play(tmp_path, body)


def test_collateral_has_a_limit_per_trader_and_one_for_all(tmp_path: Path) -> None:
    """What is live counts, opened or only promised; another trader has room where the first has none."""

    async def body() -> None:
        own, whole = ((ETH, 3 * ONE // 2),), ((ETH, 2 * ONE),)
        async with running(tmp_path, collateral_per_owner=own, collateral_in_all=whole, unopened_per_owner=9) as broker:
            offered = []
            for owner in (Key(), Key()):
                for _ in range(3):
                    trader = Trader(url_of(broker), owner=owner)
                    await trader.connect()
                    terms = await trader.offer([(ETH, 2 * ONE), (USDT, 0)])
                    offered.append(next(row.collateral for row in terms.assets if row.asset == ETH))
                    await trader.setup(terms)
                    await trader.disconnect()
            assert offered == [ONE, ONE // 2, 0, ONE // 2, 0, 0]
            assert broker.offers.committed(ETH) == 2 * ONE

    asyncio.run(body())
