"""Traders and a broker over real sockets: every flow of the seed's first diagram, and what each order type does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.broker.kit import ONE, PRICE, WITHIN, MemoryChain, Trader, running, url_of
from tests.support.game import ETH, USDT, WBTC_USDT
from wallet.broker.chain_watch import ChainView, Standing
from wallet.broker.server import Broker
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side, Transition
from wallet.wire import market_messages as market
from wallet.wire import messages as wire
from wallet.wire import methods
from wallet.wire.methods import ask

BUY, SELL = Side.BUY, Side.SELL
GTT, IOC, FOK, POST = TimeInForce


def play(folder: Path, body: Callable[[Broker, Trader, Trader], Awaitable[None]], **policy: Any) -> None:
    """Runs ``body`` with a broker and two traders, both open and present; no state of the broker may be flagged."""

    async def whole() -> None:
        chain = MemoryChain()
        async with running(folder, chain, **policy) as broker:
            anna, ben = Trader(url_of(broker)), Trader(url_of(broker))
            await asyncio.gather(anna.open(chain), ben.open(chain))
            await body(broker, anna, ben)
            assert not anna.flags
            assert not ben.flags
            await asyncio.gather(anna.disconnect(), ben.disconnect())

    asyncio.run(whole())


async def rejected(request: Awaitable[object]) -> str:
    with pytest.raises(WalletError) as caught:
        await request
    return caught.value.code


def test_setup_orders_trade_cancel_finalize(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, 2 * ONE)
        await anna.until(lambda: anna.has_open(ask))
        assert anna.balance(ETH) == (8 * ONE, 2 * ONE)
        bid = await ben.order(BUY, PRICE + 10**6, ONE)
        await ben.until(lambda: ben.is_gone(bid))
        await anna.until(anna.fills)
        # at the maker's price; the taker pays 0.1 %, the maker 0.05 %, of what each receives
        assert ben.fills(bid) == [(PRICE, ONE)]
        assert anna.fills(ask) == [(PRICE, ONE)]
        assert ben.balance(ETH) == (11 * ONE - ONE // 1_000, 0)
        assert ben.balance(USDT) == (48_000 * 10**6, 0)
        assert anna.balance(USDT) == (52_000 * 10**6 - 10**6, 0)
        await anna.cancel(ask)
        await anna.until(lambda: anna.is_gone(ask))
        for trader in (anna, ben):
            await trader.finalize()
            await trader.until(lambda t=trader: t.kinds()[-1] == "FINALIZE")
        assert anna.kinds() == ["SETUP", "CREATE_ORDER", "TRADE", "CANCEL_ORDER", "FINALIZE"]
        assert ben.kinds() == ["SETUP", "CREATE_ORDER", "TRADE", "FINALIZE"]

    play(tmp_path, body)


def test_what_is_left_of_an_immediate_order_is_cancelled(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        for price in (PRICE, PRICE + 10**6):
            await anna.order(SELL, price, ONE)
        await anna.until(lambda: len(anna.last.open_orders) == 2)  # type: ignore[union-attr]
        taken = await ben.order(BUY, PRICE + 10**6, 5 * ONE, IOC)
        await ben.until(lambda: ben.is_gone(taken))
        assert ben.fills(taken) == [(PRICE, ONE), (PRICE + 10**6, ONE)]
        assert ben.kinds() == ["SETUP", "CREATE_ORDER", "TRADE", "CANCEL_ORDER"]
        assert ben.balance(USDT) == (50_000 * 10**6 - 4_001 * 10**6, 0)
        nothing = await ben.order(BUY, PRICE, ONE, IOC)
        await ben.until(lambda: ben.is_gone(nothing))
        assert ben.fills(nothing) == []

    play(tmp_path, body)


def test_more_fills_than_one_state_holds(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        for step in range(5):
            await anna.order(SELL, PRICE + step * 10**6, ONE)
        await anna.until(lambda: len(anna.last.open_orders) == 5)  # type: ignore[union-attr]
        taken = await ben.order(BUY, PRICE + 10**7, 5 * ONE, IOC)
        await ben.until(lambda: ben.is_gone(taken))
        assert ben.kinds()[2:] == ["TRADE", "TRADE", "TRADE"]
        assert [len(state.fills) for state in ben.states[2:]] == [2, 2, 1]
        await anna.until(lambda: not anna.last.open_orders)  # type: ignore[union-attr]

    play(tmp_path, body, max_fills=2)


def test_fill_or_kill_is_one_trade_or_a_cancel(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        for price in (PRICE, PRICE, PRICE + 10**6):
            await anna.order(SELL, price, ONE)
        await anna.until(lambda: len(anna.last.open_orders) == 3)  # type: ignore[union-attr]
        killed = await ben.order(BUY, PRICE + 10**6, 4 * ONE, FOK)
        await ben.until(lambda: ben.is_gone(killed))
        assert ben.fills() == []
        whole = await ben.order(BUY, PRICE + 10**6, 3 * ONE, FOK)
        await ben.until(lambda: ben.is_gone(whole))
        # two makers at one price are one row of the taker's state
        assert ben.fills(whole) == [(PRICE, 2 * ONE), (PRICE + 10**6, ONE)]
        assert ben.kinds() == ["SETUP", "CREATE_ORDER", "CANCEL_ORDER", "CREATE_ORDER", "TRADE"]

    play(tmp_path, body)


def test_post_only_never_takes(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        resting = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(resting))
        would_take = await ben.order(BUY, PRICE, ONE, POST)
        await ben.until(lambda: ben.is_gone(would_take))
        behind = await ben.order(BUY, PRICE - 10**6, ONE, POST)
        await ben.until(lambda: ben.has_open(behind))
        assert not ben.fills()
        sold = await anna.order(SELL, PRICE - 10**6, ONE)
        await anna.until(lambda: anna.is_gone(sold))
        await ben.until(lambda: ben.is_gone(behind))
        assert ben.fills() == [(PRICE - 10**6, ONE)]

    play(tmp_path, body)


def test_nobody_trades_with_himself(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, ONE)
        bid = await anna.order(BUY, PRICE, ONE)
        await anna.until(lambda: anna.is_gone(bid))
        assert anna.has_open(ask)
        assert not anna.fills()

    play(tmp_path, body)


def test_orders_that_can_not_be_are_rejected_and_change_nothing(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        now = int(broker.clock.now())
        cases: list[tuple[str, dict[str, Any]]] = [
            ("ORD-TICK", {"price": PRICE + 1}),
            ("ORD-LOT", {"amount": ONE + 1}),
            ("ORD-MIN", {"amount": 10**14}),
            ("ORD-FUNDS", {"amount": 11 * ONE}),
            ("ORD-MARKET", {"base": WBTC_USDT.quote, "quote": WBTC_USDT.base}),
            ("ORDER_CHANNEL", {"channel": b"\x01" * 32}),
            ("ORDER_LATE", {"open_before": now - 1}),
            ("ORDER_OPEN_BEFORE", {"open_before": now + 3_000}),
            ("ORDER_EXPIRY", {"expiry": now}),
            ("ORDER_EXPIRY", {"expiry": now + 400 * 86_400}),
            ("ORDER_TOO_LARGE", {"side": BUY, "price": 60_000 * 10**6, "amount": ONE}),
        ]
        for code, change in cases:
            side, price, amount = change.pop("side", SELL), change.pop("price", PRICE), change.pop("amount", ONE)
            signed = anna.sign_order(side, price, amount, **change)
            expected = "CHANNEL_UNKNOWN" if code == "ORDER_CHANNEL" else code
            assert await rejected(anna.place(signed)) == expected, code
        forged = anna.sign_order(SELL, PRICE, ONE)
        stranger = ben.session.sign(methods_digest(forged.id))
        assert await rejected(anna.place(type(forged)(forged.id, forged.order, stranger))) == "REQUEST_SIGNATURE"
        assert await rejected(anna.place(type(forged)(b"\x01" * 32, forged.order, forged.signature))) == "ORDER_ID"
        assert await rejected(ben.place(forged)) == "AUTH_NEEDED"
        assert anna.kinds() == ["SETUP"]

    play(tmp_path, body)


def methods_digest(digest: bytes) -> Any:
    from wallet.protocol.typed import TypedDigest

    return TypedDigest("Order", digest)


def test_the_same_order_again_is_the_same_order(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        signed = anna.sign_order(SELL, PRICE, ONE)
        await asyncio.gather(*(anna.place(signed) for _ in range(5)))
        await anna.until(lambda: anna.has_open(signed.id))
        await anna.place(signed)
        later = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(later))
        assert [row.id for row in anna.last.open_orders] == [signed.id, later]  # type: ignore[union-attr]
        old = anna.sign_order(SELL, PRICE, ONE, order_nonce=1, expiry=int(broker.clock.now()) + 99)
        assert await rejected(anna.place(old)) == "ORDER_NONCE"

    play(tmp_path, body)


def test_cancels_are_idempotent_and_a_receipt_keeps_an_order_from_opening(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(order))
        receipts = {await anna.cancel(order) for _ in range(3)}
        assert len(receipts) == 1
        await anna.until(lambda: anna.is_gone(order))
        never_sent = anna.sign_order(SELL, PRICE, ONE)
        await anna.cancel(never_sent.id)
        assert await rejected(anna.place(never_sent)) == "ORDER_CANCELLED"
        assert (
            await rejected(
                anna.ask(methods.CANCEL, wire.CancelOrder(anna.channel, order, ben.session.sign(methods_digest(order))))
            )
            == "REQUEST_SIGNATURE"
        )

    play(tmp_path, body)


def test_a_cancel_that_meets_the_opening_wins(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        resting = await ben.order(BUY, PRICE, ONE)
        await ben.until(lambda: ben.has_open(resting))
        anna.decide = lambda state: "hold"
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: len(anna.proposals) == 2)
        await anna.cancel(order)
        anna.decide = lambda state: "ack"
        await anna.until(lambda: anna.is_gone(order))
        assert not anna.fills()

    play(tmp_path, body)


def test_a_receipt_waits_for_the_fills_under_way(tmp_path: Path) -> None:
    """A fill that came after the receipt would be the broker's to carry."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        order = await anna.order(SELL, PRICE, 2 * ONE)
        await anna.until(lambda: anna.has_open(order))
        anna.decide = lambda state: "hold" if state.transition is Transition.TRADE else "ack"
        await ben.order(BUY, PRICE, ONE)
        await ben.until(ben.fills)
        receipt = asyncio.create_task(anna.cancel(order))
        await asyncio.sleep(0.3)
        assert not receipt.done()
        anna.decide = lambda state: "ack"
        await receipt
        assert anna.fills() == [(PRICE, ONE)]
        await anna.until(lambda: anna.is_gone(order))

    play(tmp_path, body)


def test_orders_expire(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        order = await anna.order(SELL, PRICE, ONE, expiry=int(broker.clock.now()) + 3)
        await anna.until(lambda: anna.has_open(order))
        await anna.until(lambda: anna.is_gone(order))
        assert anna.kinds()[-1] == "CANCEL_ORDER"

    play(tmp_path, body)


def test_finalize_only_when_all_is_done(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        order = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(order))
        assert await rejected(anna.finalize()) == "FIN-NOT-NOW"
        await anna.cancel(order)
        await anna.until(lambda: anna.is_gone(order))
        await anna.finalize()
        await anna.until(lambda: anna.kinds()[-1] == "FINALIZE")
        await anna.finalize()  # again: it is so
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "CHANNEL_PHASE"

    play(tmp_path, body)


def test_nothing_is_traded_before_the_chain_confirms(tmp_path: Path) -> None:
    async def whole() -> None:
        chain = MemoryChain()
        async with running(tmp_path, chain) as broker:
            anna = Trader(url_of(broker))
            await anna.connect()
            await anna.setup(await anna.offer([(ETH, ONE)]))
            await anna.beat()
            assert await rejected(anna.order(SELL, PRICE, ONE)) == "CHANNEL_NOT_OPEN"
            assert anna.kinds() == ["SETUP"]
            chain.views[anna.channel] = ChainView(Standing.OPEN)  # the broker looks when it is asked
            order = await anna.order(SELL, PRICE, ONE)
            await anna.until(lambda: anna.has_open(order))
            await anna.disconnect()

    asyncio.run(whole())


def test_market_data(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        from wallet.market.depth import Delta, Snapshot
        from wallet.market.replica import BookReplica
        from wallet.wire.client import connect
        from wallet.wire.methods import hear

        peer = await connect(url_of(broker))  # nobody in particular
        instruments = (await ask(peer, methods.INSTRUMENTS, market.InstrumentsRequest(), WITHIN)).markets
        assert [row.symbol for row in instruments] == ["ETH/USDT", "WBTC/USDT"]
        assert (instruments[0].maker_fee, instruments[0].taker_fee, instruments[0].base_decimals) == (500, 1_000, 18)
        pair = (instruments[0].base, instruments[0].quote)
        replica, trades, beats = BookReplica(), [], []
        hear(peer, methods.DEPTH, lambda news, _: replica.apply(Delta(*(getattr(news, n) for n in Delta._fields))))
        hear(peer, methods.TRADE, lambda news, _: trades.extend(news.trades))
        hear(peer, methods.MARKET_BEAT, lambda news, _: beats.append(news))
        found = await ask(peer, methods.SUBSCRIBE, market.Subscribe(pair, 50), WITHIN)
        replica.load(Snapshot(*(getattr(found.snapshot, name) for name in Snapshot._fields)))
        await anna.order(SELL, PRICE + 10**6, 3 * ONE)
        bid = await anna.order(BUY, PRICE - 10**6, 2 * ONE)
        await anna.until(lambda: anna.has_open(bid))
        await ben.order(BUY, PRICE + 10**6, ONE)
        await ben.until(ben.fills)
        await anna.until(lambda: trades and beats)
        await asyncio.sleep(0.2)
        assert replica.problem is None
        assert (replica.bids(), replica.asks()) == (((PRICE - 10**6, 2 * ONE),), ((PRICE + 10**6, 2 * ONE),))
        assert [(row.price, row.amount, row.side) for row in trades] == [(PRICE + 10**6, ONE, BUY)]
        candles = (await ask(peer, methods.CANDLES, market.CandlesRequest(pair, 60, 10), WITHIN)).candles
        assert [(row.open, row.close, row.volume) for row in candles] == [(PRICE + 10**6, PRICE + 10**6, ONE)]
        again = await ask(peer, methods.SUBSCRIBE, market.Subscribe(pair, 50), WITHIN)
        assert [row.id for row in again.trades] == [row.id for row in trades]
        assert again.snapshot.seq == replica.seq
        nowhere = market.Subscribe((b"\x01" * 20, b"\x02" * 20), 5)
        assert await rejected(ask(peer, methods.SUBSCRIBE, nowhere, WITHIN)) == "MARKET_UNKNOWN"
        await peer.close()

    play(tmp_path, body)


def test_offers_have_limits(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        assert await rejected(anna.offer([])) == "OFFER_EMPTY"
        assert await rejected(anna.offer([(b"\x77" * 20, 5)])) == "OFFER_MARKET"
        assert await rejected(anna.offer([(ETH, 1), (ETH, 2)])) == "OFFER_ASSET"
        terms = await anna.offer([(ETH, ONE), (USDT, 5_000 * 10**6)])
        rows = {row.asset: row for row in terms.assets}
        assert rows[ETH].collateral == 15 * ONE // 10 * 25 // 10 + ONE // 2  # 2.5 ETH at 150 %, half of its own
        assert rows[USDT].collateral == (2_000 * 150 + 5_000 * 50) * 10**6 // 100
        assert [row.asset for row in terms.assets] == sorted(rows)
        other = await anna.offer([(ETH, ONE)])
        changed = type(terms)(**{**{n: getattr(other, n) for n in other.__dataclass_fields__}, "max_fee": 1})
        assert await rejected(anna.setup(changed)) == "SETUP_UNKNOWN_OFFER"
        typed = broker.config.domain.digest(other)
        wrong = wire.Setup(other, ben.owner.sign(typed))
        assert await rejected(anna.ask(methods.SETUP, wrong)) == "SETUP_SIGNATURE"

    play(tmp_path, body)


def test_an_owner_has_only_so_many_unopened_channels(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        for _ in range(2):
            terms = await anna.offer([(ETH, ONE)])
            await anna.ask(methods.SETUP, wire.Setup(terms, anna.owner.sign(broker.config.domain.digest(terms))))
        assert await rejected(anna.offer([(ETH, ONE)])) == "BROKER_FULL"
        await ben.offer([(ETH, ONE)])

    async def whole() -> None:
        chain = MemoryChain()
        async with running(tmp_path, chain, unopened_per_owner=2) as broker:
            anna, ben = Trader(url_of(broker)), Trader(url_of(broker))
            anna.decide = lambda state: "ack"
            await asyncio.gather(anna.connect(), ben.connect())
            anna.last = None
            anna.terms = None
            anna._check = lambda message: None  # type: ignore[method-assign]
            await body(broker, anna, ben)
            await asyncio.gather(anna.disconnect(), ben.disconnect())

    asyncio.run(whole())


def test_collateral_bounds_what_may_be_won(tmp_path: Path) -> None:
    """No set of open orders may bring more of an asset than the broker put up."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        assert ben.terms is not None
        room = next(row.collateral for row in ben.terms.assets if row.asset == ETH)
        assert 2 * ONE < room < 60 * ONE
        cheap = 10 * 10**6  # for 10 USDT each his 50,000 would buy 5,000 ETH
        code = await rejected(ben.order(BUY, cheap, room // ONE * ONE + ONE))
        assert code == "ORDER_COLLATERAL"
        await ben.order(BUY, cheap, room // ONE * ONE)
        assert await rejected(ben.order(BUY, cheap, ONE)) == "ORDER_COLLATERAL"

    play(tmp_path, body)
