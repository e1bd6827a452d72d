"""Who withholds answers, or vanishes, plays with the broker's money: what it brings him, counted in base units.

Every fill without an answer is an option its signer has written (design §4). The price moves by five per cent while
the attacker keeps silent, and he answers only what is good for him. His profit is measured against holding what he
had; the broker's loss against the bounds of the terms: ``maxUnacked`` at a time, and refusals up to a limit.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.broker.kit import ONE, PRICE, Trader
from tests.broker.test_presence import hold_trades, refuse_trades
from tests.broker.test_trading import BUY, SELL, play, rejected
from tests.support.game import ETH, ETH_USDT, USDT
from wallet.broker.server import Broker

PAIR = (ETH_USDT.base, ETH_USDT.quote)
UP = PRICE * 105 // 100
DOWN = PRICE * 95 // 100
MOVE = UP - PRICE  # base units of USDT per ETH


def wealth(trader: Trader, price: int) -> int:
    """What he could withdraw, in base units of USDT at ``price``."""
    eth, usdt = trader.balance(ETH), trader.balance(USDT)
    return sum(usdt) + sum(eth) * price // ONE


def loss(quantity: int) -> int:
    """What the broker carries for a refused fill of ``quantity``: he sold at PRICE what now costs UP."""
    return MOVE * quantity // ONE


def test_refusing_what_turned_out_badly_brings_nothing_and_ends_soon(tmp_path: Path) -> None:
    """Round after round: sell, be filled, keep silent, refuse as the price has risen. She keeps what she had."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        had = wealth(anna, UP)
        anna.decide = refuse_trades
        for rounds in range(1, 4):
            ask = await anna.order(SELL, PRICE, ONE)
            await anna.until(lambda a=ask: anna.has_open(a))
            await ben.order(BUY, PRICE, ONE)
            await anna.until(lambda n=rounds, a=ask: anna.kinds().count("VOID") == n and anna.is_gone(a))
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "ORDER_BENCHED"
        profit = wealth(anna, UP) - had
        assert profit <= 0
        assert broker.ledger.carried() == 3
        assert loss(rounds * ONE) <= 3 * MOVE * ETH_USDT.max_unacked // PRICE
        await anna.finalize()  # and she can still leave
        await anna.until(lambda: anna.kinds()[-1] == "FINALIZE")

    play(tmp_path, body, refused_fills=3)


def test_a_withheld_answer_is_one_option_within_the_bound(tmp_path: Path) -> None:
    """She keeps silent on a fill: no second one is written, however far the price goes."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book, channel = broker.floor.books[PAIR], broker.floor.channels[anna.channel]
        had = wealth(anna, UP)
        asks = [await anna.order(SELL, PRICE, ONE) for _ in range(4)]
        await anna.until(lambda: all(ask in book for ask in asks))
        anna.decide = hold_trades
        await ben.order(BUY, PRICE, ONE)
        await ben.until(ben.fills)
        await ben.until(lambda: not any(ask in book for ask in asks))  # after T
        for _ in range(3):  # the price runs; who would now take her old orders finds none
            await ben.order(BUY, UP, ONE)
        await asyncio.sleep(0.5)
        exposed = sum(channel.unacked.values())
        assert exposed == PRICE <= ETH_USDT.max_unacked
        anna.decide = refuse_trades
        await anna.until(lambda: "VOID" in anna.kinds())
        assert wealth(anna, UP) - had <= 0
        assert loss(ONE) <= MOVE * exposed // PRICE
        assert broker.ledger.carried() == 1

    play(tmp_path, body, answer_time=2)


def test_who_vanishes_with_a_fill_is_filled_no_more_and_gains_no_more(tmp_path: Path) -> None:
    """He is gone when his fill comes, and returns when the price is right: one fill, at its price, and no other."""

    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        book, channel = broker.floor.books[PAIR], broker.floor.channels[anna.channel]
        asks = [await anna.order(SELL, PRICE, ONE) for _ in range(4)]
        await anna.until(lambda: all(ask in book for ask in asks))
        anna.decide = hold_trades
        await ben.order(BUY, PRICE, ONE)
        await ben.until(ben.fills)
        await anna.disconnect()
        await ben.until(lambda: not any(ask in book for ask in asks))  # at once: T is ten minutes
        bids = [await ben.order(BUY, PRICE, ONE) for _ in range(3)]
        await asyncio.sleep(0.3)
        assert ben.fills() == [(PRICE, ONE)]
        for bid in bids:
            await ben.cancel(bid)
        exposed = sum(channel.unacked.values())
        assert exposed == PRICE <= ETH_USDT.max_unacked
        had = wealth(anna, DOWN)
        anna.decide = lambda state: "ack"
        await anna.reconnect()  # the price fell: she takes the fill she had
        await anna.until(anna.fills)
        await asyncio.sleep(0.3)
        assert anna.fills() == [(PRICE, ONE)]
        fee = PRICE * 500 // 10**6
        assert wealth(anna, DOWN) - had == PRICE - DOWN - fee <= (PRICE - DOWN) * exposed // PRICE

    play(tmp_path, body, answer_time=600)


def test_no_order_is_taken_from_who_owes_an_answer(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Trader, ben: Trader) -> None:
        ask = await anna.order(SELL, PRICE, ONE)
        await anna.until(lambda: anna.has_open(ask))
        anna.decide = hold_trades
        await ben.order(BUY, PRICE, ONE)
        await ben.until(ben.fills)
        channel = broker.floor.channels[anna.channel]
        await ben.until(lambda: channel.late)
        assert await rejected(anna.order(SELL, PRICE, ONE)) == "ORDER_NOT_PRESENT"
        assert not channel.is_present(broker.clock.monotonic())

    play(tmp_path, body, answer_time=2)
